// Twelve keys, as on a telephone: for numbers and for DTMF.

const KEYS = [
    ["1", ""], ["2", "ABC"], ["3", "DEF"],
    ["4", "GHI"], ["5", "JKL"], ["6", "MNO"],
    ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"],
    ["*", ""], ["0", "+"], ["#", ""],
];

const SPOKEN = { "*": "star", "#": "hash" };

/** Fills `element` with keys that call `press` with their digit, `*` or `#`. */
export function fillKeypad(element, press) {
    element.append(...KEYS.map(([key, letters]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.value = key;
        button.setAttribute("aria-label", SPOKEN[key] ?? key);
        const small = document.createElement("small");
        small.textContent = letters;
        button.append(key, small);
        button.addEventListener("click", () => press(key));
        return button;
    }));
}
