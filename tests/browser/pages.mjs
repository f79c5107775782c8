// Every page in every size and colour scheme: a picture, and no violation of the rules of accessibility.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { subjectsOf } from "./events.mjs";
import { check, examine, given, go, open, SIZES, trouble } from "./harness.mjs";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** The settings of an organisation that means no good. */
export const HOSTILE_ORGANISATION = `/patterns/DATA_VELOCITY?org=${encodeURIComponent("<img src=x onerror=\"document.title='pwned'\">\u202e")}`;

/** The pages: name, address, and the status where it is not 200. `found` holds addresses of what there is. */
const PAGES = (found) => [
  ["sign-in", "/sign-in"],
  ["overview", "/"],
  ["alerts", "/alerts?status=all"],
  ["alerts-filtered", "/alerts?search=night-ward%20-severity:LOW&status=all&severity=HIGH"],
  ["alerts-fault", "/alerts?search=(alice%20OR", 400],
  ["alert", found.alert],
  ["events", "/events"],
  ["events-filtered", "/events?q=action:fhir.*&status=success&org=st-marys"],
  ["events-fault", "/events?q=recordCount:many%20alice", 400],
  ["live", "/events/live"],
  ["live-filtered", "/events/live?q=fhir.*&org=st-marys"],
  ["live-fault", "/events/live?q=%22open", 400],
  ["event", found.event],
  ["hostile", `/events/${given["hostile-event"]}`],
  ["search", "/search?q=data.*%20OR%20fhir.*%20-principal:nobody"],
  ["search-narrowed", "/search?q=action:%22fhir.patient.read%22%20-principal:%22nurse-1%22&range=day&sort=relevance"],
  ["search-empty", "/search?q=principal:nobody-at-all"],
  ["search-fault", "/search?q=(alice%20OR", 400],
  ["principal", "/principal?id=nurse-1"],
  ...found.hostile.map((where, index) => [`hostile-subject-${index}`, where]),
  ["principal-unknown", "/principal?id=nobody-at-all"],
  ["resource", "/resource?type=Patient&id=pat-1"],
  ["sources", "/sources"],
  ["health", "/health"],
  ["traces", "/traces"],
  ["traces-of-none", "/traces?id=0af7651916cd43dd8448eb211c80319c"],
  ["help", "/help"],
  ["activity", "/activity"],
  ["notifications", "/notifications"],
  ["dead-letters", "/dead-letters"],
  ["undelivered", "/notifications/dead-letters"],
  ["integrity", "/integrity"],
  ["sheet", "/integrity/sheet"],
  ["patterns", "/patterns"],
  ["pattern", "/patterns/OFF_HOURS"],
  ["preview", "/patterns/FAILED_AUTH?threshold=2&days=30&preview=1"],
  ["refused", "/patterns/OFF_HOURS?off_hours=25&time_zone=Mars&holidays=%3Cb%3E&days=400&preview=1", 422],
  ["pattern-of", HOSTILE_ORGANISATION],
  ["settings", "/settings"],
  ["missing", "/nothing-here", 404],
];

/** Every page, once there are alerts and events. */
export async function everyPage(page) {
  await go(page, "/alerts?status=all");
  const alert = await page.locator("main table a.strong").first().getAttribute("href");
  await go(page, "/events?principal=nurse-1");
  const event = await page.locator("main table a.strong").first().getAttribute("href");
  await go(page, `/events/${given["hostile-event"]}`);
  const hostile = [...(await subjectsOf(page))].slice(0, 2);
  return PAGES({ alert, event, hostile });
}

/** Every page in every size and colour scheme: a picture, and no violation of the rules of accessibility. */
export async function visitAll(browser, state, pages) {
  for (const viewport of SIZES) {
    for (const colorScheme of ["light", "dark"]) {
      const look = `${viewport.width}-${colorScheme}`;
      const signedIn = await open(browser, { viewport, colorScheme, storageState: state });
      const signedOut = await open(browser, { viewport, colorScheme });
      const audited = await open(browser, { viewport, colorScheme, storageState: state, bypassCSP: true });
      const auditedOut = await open(browser, { viewport, colorScheme, bypassCSP: true });
      for (const [name, where, status = 200] of pages) {
        const out = name === "sign-in";
        const page = await (out ? signedOut : signedIn).newPage();
        await go(page, where, status);
        await examine(page, `${name} ${look}`);
        await page.screenshot({ path: path.join(given.shots, `${name}-${look}.png`) });
        if (look === "1440-dark") await examinePrint(page, name);
        await page.close();
        const audit = await (out ? auditedOut : audited).newPage();
        await go(audit, where, status);
        await audit.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
        await audit.evaluate(axe);
        const found = await audit.evaluate((rules) => window.axe.run({ runOnly: rules }), RULES);
        check(found.passes.length > 5, `${name} ${look}: axe found nothing to look at`);
        for (const violation of found.violations) {
          trouble(`${name} ${look}: ${violation.id} (${violation.impact}): ${violation.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
        }
        await audit.close();
      }
      await Promise.all([signedIn, signedOut, audited, auditedOut].map((context) => context.close()));
    }
  }
}

/** On paper every page is light, and shows nothing that only works on a screen. */
async function examinePrint(page, name) {
  await page.emulateMedia({ media: "print" });
  const seen = await page.evaluate(() => ({
    ground: getComputedStyle(document.body).backgroundColor,
    cards: [...document.querySelectorAll(".card, .sheet")].map((card) => getComputedStyle(card).backgroundColor),
    left: [...document.querySelectorAll("button, .side, .filters, .curl, .pages")].filter((part) => part.checkVisibility()).length,
  }));
  const isLight = (colour) => ["rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"].includes(colour);
  check(isLight(seen.ground) && seen.cards.every(isLight), `${name} on paper: ${seen.ground}, ${seen.cards}`);
  check(seen.left === 0 || name === "sign-in", `${name} on paper: ${seen.left} parts do nothing there`);
  await page.screenshot({ path: path.join(given.shots, `${name}-print.png`) });
  await page.emulateMedia({ media: "screen" });
}
