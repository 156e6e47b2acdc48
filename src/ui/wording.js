// The phone's numbers and names in words for people.

/** SIP statuses (RFC 3261 §21) that a caller meets. */
const REASONS = {
    302: "Sent on to another number",
    403: "Not allowed",
    404: "No such number",
    408: "No answer from the other side",
    410: "Number no longer in use",
    480: "Not available",
    484: "Number incomplete",
    486: "Busy",
    487: "Cancelled",
    488: "No sound format in common",
    500: "The other side failed",
    503: "Service not available",
    600: "Busy everywhere",
    603: "Declined",
};

/** "Busy (486)". */
export function reason(status) {
    return `${REASONS[status] ?? "Failed"} (${status})`;
}

/** Milliseconds as `m:ss`, or `h:mm:ss`. */
export function duration(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** What people call who is meant by a bare URI: the user of it, or the host where there is none. */
export function user(uri) {
    const rest = uri.replace(/^[a-z]+:/i, "");
    const at = rest.lastIndexOf("@");
    const name = at < 0 ? rest : rest.slice(0, at);
    try {
        return decodeURIComponent(name);
    } catch {
        return name;
    }
}

/** Who is at the other end of a call, in short. */
export function caller({ name, peer }) {
    return name || user(peer);
}

/** How a call stands. */
export function callState(call) {
    if (call.state === "ringing") {
        if (call.type === "incoming") return "Calls you";
        if (call.progress === 180) return "Ringing";
        return call.progress === 183 ? "In progress" : "Calling";
    }
    if (call.isSilent) return "Nothing is heard of the other side";
    if (call.isHeldHere && call.isHeldThere) return "On hold on both sides";
    if (call.isHeldHere) return "On hold";
    if (call.isHeldThere) return "Held by the other side";
    return call.mute ? "Connected, you are muted" : "Connected";
}

/** What a phone that declines says, each by its configuration (rule 9). */
const DECLINED = [480, 486, 603];

/** How a call ended. */
export function outcome({ state, type, duration: ms, SIPError, isTransferred }) {
    if (isTransferred) return "Transferred";
    if (state === "answered") return SIPError ? reason(SIPError) : `Ended after ${duration(ms)}`;
    if (type === "incoming") return DECLINED.includes(SIPError) ? "Declined" : "Missed";
    return SIPError ? reason(SIPError) : "Ended";
}

/** How an account stands. */
export const ACCOUNT_STATES = {
    registering: "Connecting…",
    connected: "Connected",
    lost: "Server can't be reached, trying again",
    refused: "Refused by the server",
};
