// What the page has to say apart from its panels: a notice of what went wrong, which is seen and read out, and
// announcements that are only read out.

import { part, setText } from "./dom.js";

/** A notice goes by itself after this long. */
const NOTICE_MS = 8000;

const notice = document.getElementById("notice");
const announcement = document.getElementById("announcement");
let timer = 0;

part(notice, "close").addEventListener("click", hide);

function hide() {
    notice.hidden = true;
}

/** Says what went wrong. */
export function complain(text) {
    setText(part(notice, "text"), text);
    notice.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(hide, NOTICE_MS);
}

/** Waits for what was asked, and complains if it fails; resolves to whether it succeeded. */
export async function attempt(asked) {
    try {
        await asked;
        return true;
    } catch (error) {
        complain(error.message.replace(/^./, (first) => first.toUpperCase()));
        return false;
    }
}

/** Lets screen readers say something. */
export function announce(text) {
    setText(announcement, text);
}
