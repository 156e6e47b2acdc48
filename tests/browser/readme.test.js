// The two programs of README.md, as they stand there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { launch } from "./browser.js";
import { PAGE, Phone } from "./phone.js";

const PATIENCE_MS = 15_000;

const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/^```(\w+)\n([^]*?)^```$/gm)];
const programs = Object.fromEntries(blocks.map(([, language, text]) => [language, text]));

let phone;

before(async () => {
    phone = await Phone.start();
});
after(() => phone.stop());

test("the program in JavaScript calls the echo from a page and hangs up", async () => {
    const browser = await launch();
    const page = await browser.newPage();
    await page.goto(`${PAGE}version`);
    const ended = page.waitForEvent("console", {
        predicate: (message) => message.type() === "log" && JSON.parse(message.text()).name === "OnFinalizedCall",
        timeout: PATIENCE_MS,
    });
    await page.evaluate(programs.js);
    assert.equal(JSON.parse((await ended).text()).data.SIPError, 0);
    await browser.close();
});

test("the program in Python calls the echo and hangs up", async () => {
    const { stdout } = await promisify(execFile)("/usr/bin/python3", ["-c", programs.python], { timeout: PATIENCE_MS });
    assert.match(stdout, /'OnAcceptCall'/);
    assert.match(stdout, /'OnFinalizedCall'[^\n]*'SIPError': 0/);
});
