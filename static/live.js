// Keeps the page true while it is in view: one stream of server-sent events a page.
"use strict";
(() => {
  const address = document.body.dataset.stream;
  const said = document.getElementById("connection");
  if (!address || !said) return;

  // ---- The connection ----
  const PATIENCE = 5000;
  let source = null;
  let lastId = "";
  let retry = 0;
  let wasLost = false;
  let tries = 0;
  const say = (what) => {
    said.textContent = what === "" ? "" : said.dataset[what];
    said.classList.toggle("lost", what === "lost" || what === "out" || what === "full");
  };
  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    // An EventSource of its own gives the id back only when it comes again by itself.
    const [where, query] = address.split("?");
    const parameters = new URLSearchParams(query);
    const [alerts, next] = lastId.split("-");
    if (lastId !== "") parameters.set("alerts", alerts);
    if (lastId !== "" && parameters.has("tail")) parameters.set("tail", next);
    source = new EventSource(`${where}?${parameters}`);
    source.addEventListener("open", () => {
      tries = 0;
      if (!wasLost) return;
      wasLost = false;
      say("back");
      setTimeout(() => { if (!wasLost) say(""); }, 4000);
    });
    source.addEventListener("error", () => {
      wasLost = true;
      if (source.readyState === EventSource.CLOSED) {
        // It was refused: too many streams, signed out, or a proxy before a server that is down.
        tries += 1;
        retry = setTimeout(open, Math.min(PATIENCE * 2 ** tries, 60000));
        say(tries > 2 ? "full" : "lost");
      } else say("lost");
    });
    const hear = (name, act) => source.addEventListener(name, (event) => {
      if (event.lastEventId) lastId = event.lastEventId;
      act(JSON.parse(event.data));
    });
    hear("alerts", showAlerts);
    hear("numbers", showNumbers);
    hear("rows", showRows);
    hear("end", () => { close(); say("out"); });
  };
  // Browsers hold few connections to a host: a page that nobody sees lets go of its own, and is told what it
  // missed when it comes back.
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });

  // ---- Alerts ----
  let raised = 0;
  const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  const put = (place, text) => { if (place.textContent !== text) place.textContent = text; };
  const showAlerts = (news) => {
    const badge = document.getElementById("open-alerts");
    put(badge, String(news.open));
    badge.parentElement.hidden = news.open === 0;
    document.title = document.title.replace(/^\(\d+\) /, "");
    if (news.open > 0) document.title = `(${news.open}) ${document.title}`;
    for (const place of document.querySelectorAll("[data-open]")) {
      const count = news.openBySeverity[place.dataset.open] ?? 0;
      put(place, grouped(count));
      place.closest(".tile")?.classList.toggle("none", count === 0);
    }
    raised += news.raised;
    const fresh = document.querySelector("#fresh a");
    if (!fresh || raised === 0) return;
    const newest = news.newest[0];
    const what = newest ? ` (${newest.severity}: ${newest.title}, ${newest.key})` : "";
    put(fresh, `${grouped(raised)} new alert${raised === 1 ? "" : "s"}: show${what}`);
    fresh.hidden = false;
  };

  // ---- Numbers ----
  const showNumbers = (numbers) => {
    for (const place of document.querySelectorAll("[data-live]")) {
      const text = numbers[place.dataset.live];
      if (text !== undefined) put(place, text);
    }
  };

  // ---- The tail ----
  const table = document.getElementById("tail");
  const body = table?.querySelector("tbody");
  const state = document.getElementById("tail-state");
  const pause = document.getElementById("pause");
  let paused = false;
  let held = [];
  let missed = 0;
  let hurried = false;
  const link = (place, href) => { if (href) place.href = href; else place.removeAttribute("href"); };
  const markOf = (word) => {
    const marks = document.getElementById("tail-marks").content;
    const found = [...marks.children].find((mark) => mark.dataset.word === word);
    return found ? found.firstElementChild.cloneNode(true) : document.createTextNode(word);
  };
  // Everything that an event says goes in as text.
  const rowOf = (event) => {
    const row = document.getElementById("tail-row").content.firstElementChild.cloneNode(true);
    const time = row.querySelector("time");
    [time.dateTime, time.title, time.textContent] = [event.time.machine, event.time.exact, event.time.text];
    for (const place of row.querySelectorAll("[data-field]")) place.textContent = event[place.dataset.field];
    for (const place of row.querySelectorAll("[data-mark]")) place.append(markOf(event[place.dataset.mark].word));
    if (event.classification === "INTERNAL") row.querySelector('[data-field="classification"]').remove();
    link(row.querySelector("a.strong"), event.href);
    link(row.querySelector("a.plain-link"), event.principal && event.principalHref);
    row.classList.add("new");
    window.sealwatch.showTimes(row);
    return row;
  };
  const tellTail = () => {
    const parts = [];
    if (paused) parts.push(`Paused, ${grouped(held.length)} waiting`);
    if (missed > 0) parts.push(`${grouped(missed)} more not shown`);
    if (hurried) parts.push("some came too fast to look at");
    put(state, parts.join("; "));
  };
  const showRows = (news) => {
    if (!table) return;
    const max = Number(table.dataset.rowsMax);
    missed += news.more;
    hurried ||= news.hurried;
    held.push(...news.rows);
    if (held.length > max) {
      missed += held.length - max;
      held = held.slice(-max);
    }
    if (!paused) {
      const known = new Set([...body.rows].map((row) => row.querySelector("a.strong")?.getAttribute("href")));
      for (const event of held) if (!known.has(event.href)) body.prepend(rowOf(event));
      held = [];
      // The row that has the reader's focus stays, even where it is the oldest.
      for (const row of [...body.rows].slice(max)) if (!row.contains(document.activeElement)) row.remove();
      if (body.rows.length > 0) document.getElementById("tail-empty").hidden = true;
    }
    tellTail();
  };
  if (table) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? "Go on" : "Pause";
      if (!paused) showRows({ rows: [], more: 0, hurried: false });
      tellTail();
    });
  }

  if (!document.hidden) open();
})();
