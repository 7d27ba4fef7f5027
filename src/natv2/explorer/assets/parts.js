// What a network costs, part by part.

/** MACs and parameters of the stem, each stage and the heads, as pairs of bars. */
function drawParts(parts) {
  if (!parts) return [];
  const names = parts.map((_, i) => (i === 0 ? "Stem" : i === parts.length - 1 ? "Heads" : `Stage ${i}`));
  const totals = [0, 1].map((which) => parts.reduce((sum, part) => sum + part[which], 0));
  const shares = parts.map((part) => part.map((cost, which) => cost / totals[which]));
  const rows = parts
    .map((part, i) => ({ name: names[i], part, share: shares[i] }))
    .filter(({ part }) => part[1]);
  const most = Math.max(...shares.flat());
  const told = rows.map(({ name, part }) => `${name} ${amount(part[1])} MACs, ${amount(part[0])} parameters`);
  const size = { width: "100%", viewBox: `0 0 420 ${20 * rows.length + 4}` };
  const svg = draw("svg", { ...size, role: "img", "aria-label": `Cost by stage: ${told.join("; ")}` });
  rows.forEach((row, i) => svg.append(...drawPart(row, 20 * i, most)));
  svg.style.maxWidth = "480px";
  return [make("h3", {}, "Cost by stage: MACs (thick), parameters (thin)"), svg];
}

function drawPart({ name, part: [params, macs], share }, y, most) {
  const bar = (which) => (228 * share[which]) / most;
  const number = { class: "quiet", y: y + 14, "text-anchor": "end" };
  return [
    draw("text", { x: 0, y: y + 14 }, name),
    draw("rect", { class: "bar", x: 62, y: y + 3, width: bar(1), height: 7 }),
    draw("rect", { class: "bar second", x: 62, y: y + 11, width: bar(0), height: 4 }),
    draw("text", { ...number, x: 356 }, amount(macs)),
    draw("text", { ...number, x: 420 }, amount(params)),
  ];
}
