// Debian's Chromium without a window, and what a person does in the page.

import { chromium } from "playwright-core";

import { PAGE, PASSWORD, USER } from "./phone.js";

/** How long anything may take to show. */
const PATIENCE_MS = 15_000;

/** Keeps Chromium from looking for hosts of its maker. As root, as in a namespace of its own, it has no sandbox. */
const ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

export function launch() {
    return chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
}

/**
 * A new page in a context of its own, where `clock` is true with a clock that runs as it is told; the test fails on any
 * error that the page doesn't catch.
 */
export async function openPage(browser, options = {}, url = PAGE) {
    const { clock, ...rest } = options;
    const context = await browser.newContext(rest);
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(String(error)));
    // A refused style or script, too: the policy of the page has no exceptions.
    page.on("console", (message) => {
        if (message.type() === "error") page.faults.push(message.text());
    });
    if (clock) await page.clock.install();
    await page.goto(url);
    return page;
}

export async function signIn(page, { user = USER, password = PASSWORD } = {}) {
    const form = page.locator("#sign-in");
    await form.getByLabel("User").fill(user);
    await form.getByLabel("Password").fill(password);
    await form.getByRole("button", { name: "Sign in" }).click();
}

/** Dials a number by the keys of the pad, and calls. */
export async function dial(page, number) {
    const pad = page.getByRole("group", { name: "Dial pad" });
    for (const key of number) await pad.getByRole("button", { name: key, exact: true }).click();
    await page.getByRole("button", { name: "Call", exact: true }).click();
}

/** The card of a call with that caller or called. */
export function card(page, who) {
    return page.getByRole("listitem", { name: `Call with ${who}`, exact: true });
}
