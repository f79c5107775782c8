// What the keyboard does (the page /help lists it), ticking alerts, and copying commands.
"use strict";
(() => {
  const one = (selector, part = document) => part.querySelector(selector);
  const all = (selector, part = document) => [...part.querySelectorAll(selector)];

  // ---- Rows ----
  const rows = () => all("main .cards tbody tr, main .list-row").filter((row) => one("a.strong", row));
  const current = () => document.activeElement?.closest?.("main .cards tbody tr, main .list-row") ?? null;
  const move = (by) => {
    const list = rows();
    if (list.length === 0) return;
    const at = list.indexOf(current());
    const to = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
    one("a.strong", list[to]).focus();
    list[to].scrollIntoView({ block: "nearest" });
  };

  // ---- Ticks ----
  const ticks = () => all('input[form="bulk"]');
  const ticked = () => ticks().filter((box) => box.checked);
  const tell = () => {
    const said = one("#ticked");
    const count = ticked().length;
    if (said) said.textContent = count === 0 ? "" : `${count} selected`;
    const every = one("#all input");
    if (every) {
      every.checked = count > 0 && count === ticks().length;
      every.indeterminate = count > 0 && count < ticks().length;
    }
  };
  const startTicks = () => {
    const every = one("#all");
    if (!every) return;
    every.hidden = false;
    one("input", every).addEventListener("change", (event) => {
      for (const box of ticks()) box.checked = event.target.checked;
      tell();
    });
    for (const box of ticks()) box.addEventListener("change", tell);
    // The browser may bring back ticks with the page.
    addEventListener("pageshow", tell);
  };

  // ---- Steps ----
  const acknowledge = () => {
    const bulk = one("#bulk");
    if (bulk) {
      const box = current() && one('input[form="bulk"]', current());
      if (ticked().length === 0 && box) box.checked = true;
      if (ticked().length > 0) bulk.requestSubmit(one('button[value="acknowledge"]', bulk));
      tell();
      return;
    }
    one('form[action$="/acknowledge"]')?.requestSubmit();
  };
  const tick = () => {
    const box = current() && one('input[form="bulk"]', current());
    if (box) box.click();
  };
  const search = () => {
    const field = one('main form[role="search"] input:not([type="hidden"])') ?? one("#find");
    field?.focus();
    field?.select();
    return Boolean(field);
  };

  const places = { o: "/", a: "/alerts", e: "/events", l: "/events/live" };
  const steps = {
    "/": search,
    j: () => move(1),
    k: () => move(-1),
    a: acknowledge,
    x: tick,
    "?": () => location.assign("/help"),
  };
  let going = 0;
  const typing = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  const pressed = (event) => {
    const field = typing(event.target) && event.target.type !== "checkbox";
    if (field || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    // `g` waits two seconds for the letter of the place.
    const goes = Date.now() - going < 2000;
    going = 0;
    if (goes && Object.hasOwn(places, event.key)) location.assign(places[event.key]);
    else if (event.key === "g") going = Date.now();
    else if (Object.hasOwn(steps, event.key)) steps[event.key]();
    else return;
    event.preventDefault();
  };

  // ---- Copying ----
  const startCopying = () => {
    for (const button of all("[data-copy]")) {
      const details = one("details", button.parentElement);
      const code = one("code", details);
      // The server does not know by which name and scheme the browser reached it.
      code.textContent = code.textContent.replace(/'https?:\/\/[^/']+/, `'${location.origin}`);
      button.hidden = false;
      button.addEventListener("click", async () => {
        const word = one("span", button);
        try {
          await navigator.clipboard.writeText(code.textContent);
          word.textContent = "Copied";
          setTimeout(() => { word.textContent = "Copy as curl"; }, 3000);
        } catch {
          // Only pages by https or of this host may use the clipboard: the text is offered for copying by hand.
          details.open = true;
          getSelection().selectAllChildren(code);
        }
      });
    }
  };

  document.addEventListener("keydown", pressed);
  startTicks();
  startCopying();
})();
