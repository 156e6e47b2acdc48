// Finding and making elements. What they look like stands in index.html and page.css, never here.

/** The element that plays a part within `root`. */
export function part(root, name) {
    return root.querySelector(`[data-part="${name}"]`);
}

/** A new element from the template of that id. */
export function fromTemplate(id) {
    return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

/** Writes a text where it differs, so that nobody's selection is lost and nothing is read out twice. */
export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/**
 * The children of `list`, one for each item: made once by `make(item)`, which returns `{ element, update }`, updated
 * each time, and removed with their items. An element that stays keeps its place, focus and state.
 */
export class KeyedList {
    #list;
    #make;
    #views = new Map();

    constructor(list, make) {
        this.#list = list;
        this.#make = make;
    }

    /** What `make` returned for the item of that key, if it is shown. */
    get(key) {
        return this.#views.get(key);
    }

    /** `items` is a Map from key to item, in the order of the list. */
    update(items) {
        for (const [key, { element }] of this.#views) {
            if (items.has(key)) continue;
            element.remove();
            this.#views.delete(key);
        }
        let next = this.#list.firstElementChild;
        for (const [key, item] of items) {
            if (!this.#views.has(key)) this.#views.set(key, this.#make(item));
            const view = this.#views.get(key);
            view.update(item);
            if (view.element === next) next = next.nextElementSibling;
            else this.#list.insertBefore(view.element, next);
        }
    }
}
