// What a reader would call broken in the page as it is drawn now: a list of sentences.
(() => {
  const found = [];
  const root = document.documentElement;
  const name = (element) => {
    const text = (element.textContent || "").trim().slice(0, 40);
    return `<${element.tagName.toLowerCase()}> "${text}"`;
  };

  // The page itself never scrolls sideways; tables and pictures may, inside their own box.
  if (root.scrollWidth > root.clientWidth) {
    found.push(`the page is ${root.scrollWidth} wide in a window of ${root.clientWidth}`);
  }

  const ids = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (ids.has(element.id)) found.push(`the id ${element.id} is there twice`);
    ids.add(element.id);
  }
  for (const link of document.querySelectorAll("a[href^='#']")) {
    if (!ids.has(link.getAttribute("href").slice(1))) found.push(`${name(link)} leads nowhere`);
  }

  // Pictures: there, not tiny, complete, with a text for those who do not see them.
  for (const image of document.images) {
    if (!image.complete || image.naturalWidth === 0) found.push(`missing picture ${image.src}`);
  }
  for (const figure of document.querySelectorAll("figure")) {
    const svg = figure.querySelector("svg");
    if (!svg) {
      found.push(`${name(figure)} has no picture`);
      continue;
    }
    const box = svg.getBoundingClientRect();
    const inner = svg.getBBox();
    if (box.width < 150 || box.height < 60) found.push(`${name(figure)}: ${box.width} x ${box.height}`);
    if (inner.width < 50 || inner.height < 50) found.push(`${name(figure)}: the picture is empty`);
    if (!(svg.getAttribute("aria-label") || "").trim()) found.push(`${name(figure)} has no text`);
    for (const use of svg.querySelectorAll("use")) {
      const target = (use.getAttribute("href") || use.getAttribute("xlink:href") || "").slice(1);
      if (!svg.querySelector(`[id="${target}"]`)) found.push(`${name(figure)} lacks the part ${target}`);
    }
  }

  // Texts: where their letters are.
  const letters = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest("svg, script, style")) continue;
    if (parseFloat(getComputedStyle(parent).fontSize) < 9) found.push(`${name(parent)} is tiny`);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 0 && box.height > 0) letters.push({ node, parent, box });
    }
  }
  for (const { parent, box } of letters) {
    const holder = parent.closest("figure, .scroll");
    const scrolls = holder && ["auto", "scroll"].includes(getComputedStyle(holder).overflowX);
    if (!scrolls && (box.right > root.clientWidth + 1 || box.left < -1)) {
      found.push(`${name(parent)} ends outside the window`);
    }
    const cell = parent.closest("td, th");
    if (cell) {
      const frame = cell.getBoundingClientRect();
      if (box.right > frame.right + 1.5 || box.left < frame.left - 1.5) {
        found.push(`${name(cell)} is wider than its cell`);
      }
    }
  }
  for (let i = 0; i < letters.length; i++) {
    for (let k = i + 1; k < letters.length; k++) {
      const a = letters[i];
      const b = letters[k];
      if (a.node === b.node) continue;
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // lines of text may touch by the air above and below their letters
      if (across > 2 && down > 0.4 * Math.min(a.box.height, b.box.height)) {
        found.push(`${name(a.parent)} lies over ${name(b.parent)}`);
      }
    }
  }
  return found.slice(0, 20);
})();
