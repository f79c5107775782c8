// Settings that change at run time: a threshold is tried, kept and given back; an output of messages says more.
import { check, examine, expected, given, go } from "./harness.mjs";
import { HOSTILE_ORGANISATION } from "./pages.mjs";

/** A threshold is tried, kept and given back. */
export async function changePattern(page, scripts) {
  await go(page, "/patterns");
  await page.getByRole("link", { name: "Failed sign-ins", exact: true }).click();
  await page.waitForURL(/FAILED_AUTH/);
  await examine(page, "pattern", { scripts });
  const threshold = page.getByLabel("Threshold");
  await threshold.fill("2");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.waitForURL(/preview=1/);
  check(page.url().includes("threshold=2"), "the address holds what is tried");
  check((await threshold.inputValue()) === "2", "the form keeps it");
  check((await page.getByRole("heading", { name: "What these values would have raised" }).count()) === 1, "the preview is shown");
  await threshold.fill("none");
  expected.failures += 1;
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  check((await page.locator(".setting.wrong").innerText()).includes("is not a whole number"), "a mistake stands at its field");
  check((await threshold.inputValue()) === "none", "the form is as it was");
  await threshold.fill("4");
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/saved=1/);
  check((await page.locator("form.settings").innerText()).includes(`changed here by ${given.user}`), "who changed it is told");
  await page.getByRole("button", { name: /Back to the file’s value of Threshold/ }).click();
  await page.waitForLoadState();
  check((await threshold.inputValue()) === "5", "the file's value holds again");
  await go(page, HOSTILE_ORGANISATION);
  await examine(page, "hostile organisation", { scripts });
  await threshold.fill("40");
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/saved=1/);
  for (const where of ["/patterns/DATA_VELOCITY", "/settings"]) {
    await go(page, where);
    await examine(page, `hostile organisation at ${where}`, { scripts });
    const text = await page.locator("main").innerText();
    check(text.includes("<img src=x") && !/[\u202a-\u202e]/.test(text), `${where}: the name is shown as text`);
    check((await page.locator("main img").count()) === 0, `${where}: no element comes from a name`);
  }
  await go(page, HOSTILE_ORGANISATION);
  await page.getByRole("button", { name: /^Back to/ }).click();
  await page.waitForLoadState();
}

/** How much is said on standard error is changed and given back. */
export async function changeLevel(page, scripts) {
  const output = page.getByLabel("Standard error");
  for (const [level, said] of [["debug", "debug"], ["file", "file"]]) {
    await go(page, "/settings");
    await output.selectOption(level);
    await page.getByRole("button", { name: "Change", exact: true }).click();
    await page.waitForURL(/#levels/);
    await examine(page, "levels", { scripts });
    await go(page, "/settings");
    check((await output.inputValue()) === said, `the level is kept: ${said}`);
    await go(page, "/activity");
    check((await page.locator("main").innerText()).includes("telemetry.log_level"), "the log notes the change");
  }
}
