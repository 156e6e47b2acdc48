// The examples of docs/api.md, part 4, sent by a page's script and compared with what the phone answers.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch } from "./browser.js";
import { PAGE, Phone } from "./phone.js";
import { quietServer, silentServer } from "./quiet.js";

/** How long an answer may take: a call back takes 7 s. */
const PATIENCE_MS = 15_000;

/** Events of part 3 that later versions tell. */
const LATER_EVENTS = ["OnMessageWaiting", "OnHook", "OnCallQuality", "OnAudioDevice"];

const contract = await readFile(new URL("../../docs/api.md", import.meta.url), "utf8");
const [, partOne, , partThree, partFour] = contract.split(/^## Part \d.*$/m);
const examples = [...partFour.matchAll(/^### (.+)\n[^]*?^```\n([^]*?)^```$/gm)].map(([, title, block]) => ({
    title,
    lines: block.replace(/\n {4}/g, " ").trim().split("\n").map((line) => (
        { isSent: line.startsWith("→"), text: line.slice(2) }
    )),
}));

let phone;
let browser;
let page;
let quiet;
let silent;
let token = "";
/** What the page has heard and nobody has looked at, and who waits for more. */
const heard = [];
let notify = () => {};
/** The phone's numbers for those of the examples, by kind. */
const ids = { callId: new Map(), connectionId: new Map() };

before(async () => {
    phone = await Phone.start("[calls]\nmax = 2\n");
    [quiet, silent, browser] = [await quietServer(), await silentServer(), await launch()];
    page = await browser.newPage();
    await page.goto(`${PAGE}version`);
    await page.exposeFunction("hear", (text) => {
        heard.push(text);
        notify();
    });
    await page.evaluate(async () => {
        window.socket = new WebSocket("ws://localhost:15070/");
        window.socket.onmessage = ({ data }) => window.hear(data);
        await new Promise((resolve) => { window.socket.onopen = resolve; });
    });
});
after(async () => {
    await browser.close();
    quiet.close();
    silent.close();
    await phone.stop();
});

/** A request of an example with the names and numbers of this run. */
function localized(text) {
    const hosts = { "pbx.example": phone.domain, "quiet.example": quiet.address, "silent.example": silent.address };
    return text
        .replace(/\w+\.example/g, (host) => hosts[host])
        .replace('"token": "…"', `"token": "${token}"`)
        .replace(/"(callid|connectionId)": (\d+)/g, (_, name, id) => {
            const kind = name === "callid" ? "callId" : name;
            return `"${name}": ${ids[kind].get(Number(id))}`;
        });
}

const isLevel = (text) => text.includes("OnAudioLevel");

/** The next message, levels aside unless one is `wanted`. */
async function next(wanted) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
        const text = heard.shift();
        if (text !== undefined) {
            if (isLevel(text) === isLevel(wanted)) return JSON.parse(text);
            continue;
        }
        const waits = deadline - Date.now();
        assert.ok(waits > 0, `not heard: ${wanted}`);
        await new Promise((resolve) => {
            const timer = setTimeout(resolve, waits);
            notify = () => {
                clearTimeout(timer);
                resolve();
            };
        });
    }
}

/** Holds what came to what the example says; what differs from run to run has to be of the same type. */
function compare(actual, expected, name) {
    if (typeof expected === "object") {
        assert.deepEqual(Object.keys(actual), Object.keys(expected), `the members of ${name}`);
        for (const key of Object.keys(expected)) compare(actual[key], expected[key], key);
    } else if (name in ids) {
        if (!ids[name].has(expected)) ids[name].set(expected, actual);
        assert.equal(actual, ids[name].get(expected), name);
    } else if (["seq", "duration", "capture", "playback"].includes(name) || expected === "…") {
        assert.equal(typeof actual, typeof expected, name);
    } else if (name === "from" || name === "to") {
        assert.equal(actual.replace(/@.*/, ""), expected.replace(/@.*/, ""), name);
    } else if (name === "domain") {
        assert.equal(actual, localized(expected));
    } else {
        assert.equal(actual, expected, name);
    }
}

for (const { title, lines } of examples) {
    test(`example: ${title}`, async () => {
        for (const { isSent, text } of lines) {
            if (isSent) {
                await page.evaluate((text) => window.socket.send(text), localized(text));
                continue;
            }
            const expected = JSON.parse(text);
            const actual = await next(text);
            token = actual.data?.token ?? token;
            compare(actual, expected, JSON.stringify(actual));
            if (actual.name === "OnMediaLost") quiet.speak();
        }
    });
}

test("every action, event and error of the contract has an example, or comes with a later version", async () => {
    const rows = (part) => [...part.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)];
    const actions = (part) => rows(part).flatMap(([, names]) => names.match(/\w+/g));
    const events = (part) => [...new Set(part.match(/\bOn[A-Z]\w+/g))];
    const isShown = (name) => partFour.includes(`"${name}"`);

    const [eventsTable] = partOne.match(/^### Events[^]*?^### /m);
    assert.deepEqual(actions(partOne).filter((name) => !/^On/.test(name) && !isShown(name)), []);
    assert.deepEqual(events(eventsTable).filter((name) => !isShown(name)), []);
    assert.deepEqual(events(partThree).filter((name) => !isShown(name)).sort(), [...LATER_EVENTS].sort());
    for (const code of [100, 102, 500, 600, 601, 602]) assert.ok(partFour.includes(`"code": ${code}`), `code ${code}`);

    const later = actions(partThree).filter((name) => !isShown(name));
    for (const action of later) {
        await page.evaluate((text) => window.socket.send(text), JSON.stringify({ action }));
        assert.deepEqual([action, (await next("")).error.code], [action, 102]);
    }
});
