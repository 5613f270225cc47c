(() => {
  "use strict";
  const KEY = "fearless-labs.report.language";
  const languages = ["en", "ko"];
  const allowed = (action) => { try { return action(); } catch { return null; } };  // a browser may keep nothing

  const show = (code) => {
    document.getElementById(code).checked = true;
    document.documentElement.lang = code;
    document.title = document.querySelector(`h1 [lang=${code}]`).textContent;
  };
  const asked = () => new URLSearchParams(location.search).get("lang");
  const kept = () => allowed(() => localStorage.getItem(KEY));
  const preferred = navigator.languages.map((code) => code.slice(0, 2));
  show([asked(), kept(), ...preferred].find((code) => languages.includes(code)) ?? "en");
  for (const code of languages) {
    document.getElementById(code).addEventListener("change", () => {
      show(code);
      allowed(() => localStorage.setItem(KEY, code));
      allowed(() => history.replaceState(null, "", `?lang=${code}${location.hash}`));
    });
  }

  const reveal = () => {  // the target of an address that the filter hides
    const target = document.querySelector("main :target");
    if (target && target.getClientRects().length === 0) {
      document.getElementById("show-all").checked = true;
      target.scrollIntoView();
    }
  };
  const sharpen = (image) => {  // in one file, the large picture follows at the end
    const large = document.getElementById(image.dataset.large);
    if (large && image.src !== large.src) image.src = large.src;
    return image.decode();
  };
  document.addEventListener("DOMContentLoaded", () => {
    const small = [...document.querySelectorAll("img[data-large]")];
    const near = new IntersectionObserver((entries) => {
      for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
        near.unobserve(target);
        allowed(() => sharpen(target).catch(() => null));
      }
    }, { rootMargin: "50%" });
    for (const image of small) near.observe(image);
    addEventListener("beforeprint", () => { for (const image of small) sharpen(image).catch(() => null); });
    addEventListener("hashchange", reveal);
    reveal();
    for (const link of document.querySelectorAll("a.handout")) {
      link.addEventListener("click", () => {
        const images = [...link.closest("section").querySelectorAll("img[data-large]")];
        Promise.allSettled(images.map(sharpen)).then(() => setTimeout(print));
      });
    }
  });
})();
