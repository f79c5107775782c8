// Makes the pages nicer where scripts run; nothing here is needed to use them.
"use strict";
(() => {
  const root = document.documentElement;
  const themes = ["auto", "light", "dark"];

  // The theme is set before the body is drawn, so that nothing flashes.
  const storedTheme = () => {
    try {
      const theme = localStorage.getItem("theme");
      return themes.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // Storage may be switched off.
    }
  };
  const setTheme = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
  };
  setTheme(storedTheme());

  const startTheme = () => {
    const button = document.getElementById("theme");
    const say = () => { button.querySelector("span").textContent = `Theme: ${storedTheme()}`; };
    button.hidden = false;
    say();
    button.addEventListener("click", () => {
      const next = themes[(themes.indexOf(storedTheme()) + 1) % themes.length];
      try { localStorage.setItem("theme", next); } catch { /* It lasts as long as the page. */ }
      setTheme(next);
      say();
    });
  };

  const two = (number) => String(number).padStart(2, "0");
  const offset = (at) => {
    const minutes = -at.getTimezoneOffset();
    const size = Math.abs(minutes);
    return minutes === 0 ? "UTC" : `${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  };
  const local = (at) =>
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${offset(at)}`;

  const relative = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const ago = (at) => {
    const secs = (at - Date.now()) / 1000;
    for (const [unit, length] of units) {
      if (Math.abs(secs) >= length) return relative.format(Math.trunc(secs / length), unit);
    }
    return "just now";
  };

  // Turns the times within a part of the page into the reader's own zone; the tooltip keeps both, and every digit.
  const showTimes = (part) => {
    for (const time of part.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      if (time.title !== "") time.title = `${local(at)}, in UTC ${time.title}`;
      time.textContent = local(at);
      if (time.dataset.ago === "") {
        const span = document.createElement("span");
        span.className = "ago";
        time.append(" ", span);
      }
    }
  };
  const refreshAgo = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const place = time.dataset.ago === "only" ? time : time.querySelector(".ago");
      if (place) place.textContent = ago(new Date(time.dateTime));
    }
  };
  const startTimes = () => {
    showTimes(document);
    for (const label of document.querySelectorAll("text[data-time]")) {
      const at = new Date(label.dataset.time);
      label.textContent = `${two(at.getHours())}:${two(at.getMinutes())}`;
    }
    const zone = document.getElementById("zone");
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && name) zone.textContent = `Times are in ${name}; point at one for UTC`;
    refreshAgo();
    setInterval(refreshAgo, 20000);
    // On paper nothing becomes older: there a relative time gives way to the time itself.
    addEventListener("beforeprint", () => {
      for (const time of document.querySelectorAll('time[data-ago="only"]')) time.textContent = local(new Date(time.dateTime));
    });
    addEventListener("afterprint", refreshAgo);
    // A page that lay in the background may have been asleep.
    document.addEventListener("visibilitychange", refreshAgo);
  };

  const startPrinting = () => {
    for (const button of document.querySelectorAll("[data-print]")) {
      button.hidden = false;
      button.addEventListener("click", () => print());
    }
  };

  const startFilters = () => {
    for (const form of document.querySelectorAll("form.filters")) {
      // Empty fields would only make the address long.
      form.addEventListener("submit", () => {
        for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
      });
      // Back from the next page, the form must be usable again.
      addEventListener("pageshow", () => { for (const field of form.elements) field.disabled = false; });
    }
  };

  // For the scripts that add rows.
  window.sealwatch = { showTimes };

  document.addEventListener("DOMContentLoaded", () => {
    startTheme();
    startTimes();
    startFilters();
    startPrinting();
  });
})();
