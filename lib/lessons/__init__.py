"""The lessons' side of a notebook: predictions, exercises that check themselves, pictures that move, verdicts."""

from lib.lessons.lesson import begin as begin
