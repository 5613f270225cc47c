"""The site: lessons, verdicts and documentation as static pages in English and Korean."""
