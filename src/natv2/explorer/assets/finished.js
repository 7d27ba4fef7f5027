// What is known of a finished network alone: against plain ones, by class, calibration, exits, latency, other formats.

function drawFinished(network) {
  const of = network.finished;
  return [
    drawGains(of),
    drawClasses(network),
    drawConfusion(of),
    drawCalibration(of),
    drawExits(network),
    drawLatency(network),
    drawExported(of),
  ].flat();
}

/** What is known of plain networks too. */
function drawPlain(network) {
  return [drawCalibration(network.finished), drawLatency(network), drawExported(network.finished)].flat();
}

function verdictOf(gain) {
  if (gain.gain === undefined) return ["not known", ""];
  return gain.low > 0 ? ["yes", "yes"] : gain.high < 0 ? ["no", "no"] : ["within noise", ""];
}

function drawGains(of) {
  const rows = (of.gains || []).map((gain) => {
    const [answer, name] = verdictOf(gain);
    const words =
      gain.gain === undefined
        ? "none is small enough"
        : `${points(gain.gain)} (${signed(gain.low)} to ${signed(gain.high)})`;
    return make(
      "tr",
      {},
      make(
        "td",
        {},
        `at no more ${lower(MEASURES.get(gain.cost)?.title || gain.cost)}`,
        gain.over ? make("div", { class: "quiet" }, named(gain.over)) : null,
      ),
      make("td", {}, words),
      make("td", { class: `answer ${name}` }, answer),
    );
  });
  return rows.length ? [make("h3", {}, "Better than the best plain network?"), make("table", {}, rows)] : [];
}

/** Right answers by class as bars: the worst five first, then all. */
function drawClasses(network) {
  const recalls = network.finished.recalls || [],
    images = DATA.images;
  if (!recalls.length || !images) return [];
  const rows = recalls
    .map((recall, i) => ({
      recall,
      name: images.classes[i] ?? `class ${i + 1}`,
      count: images.tested?.[i] || 0,
    }))
    .filter((row) => row.recall !== null && row.recall !== undefined);
  const worst = [...rows].sort((one, other) => one.recall - other.recall).slice(0, 5);
  const table = (some, bad) =>
    make(
      "table",
      { class: "classes" },
      some.map((row) =>
        make(
          "tr",
          {},
          make("td", {}, named(row.name)),
          make("td", {}, recallBar(row.recall, bad)),
          make("td", {}, `${(100 * row.recall).toFixed(0)} %`),
          make("td", { class: "quiet" }, plural(row.count, "image")),
        ),
      ),
    );
  const rest =
    rows.length > 5
      ? make(
          "details",
          { class: "more", "data-key": "classes" },
          make("summary", {}, `all ${rows.length} classes`),
          make("div", { class: "rows" }, table(rows, false)),
        )
      : null;
  return [make("h3", {}, "Test top-1 by class: the worst five"), table(worst, true), rest];
}

function recallBar(share, bad) {
  return draw(
    "svg",
    { width: 110, height: 12, viewBox: "0 0 110 12", "aria-hidden": "true" },
    draw("rect", { class: "track", width: 110, height: 8, y: 2 }),
    draw("rect", { class: `bar${bad ? " worst" : ""}`, width: 110 * share, height: 8, y: 2 }),
  );
}

function drawConfusion(of) {
  const pairs = of.detail?.confused || [];
  if (!pairs.length || !DATA.images) return [];
  const name = (index) => named(DATA.images.classes[index] ?? `class ${index + 1}`);
  const rows = pairs
    .slice(0, 8)
    .map(([label, said, count]) =>
      make(
        "tr",
        {},
        make("td", {}, name(label), " taken for ", name(said)),
        make("td", {}, plural(count, "time")),
      ),
    );
  return [make("h3", {}, "What it takes for what (test images)"), make("table", {}, rows)];
}

/** How far its probabilities are off, and by how much it is right at each confidence. */
function drawCalibration(of) {
  if (of.calibration_error === undefined) return [];
  const without =
    of.calibration_error_uncorrected === undefined
      ? ""
      : `, without its temperature ${(100 * of.calibration_error_uncorrected).toFixed(1)} points`;
  const words = `Its probabilities are ${(100 * of.calibration_error).toFixed(1)} points off on average${without}${of.temperature ? `; temperature ${of.temperature}` : ""}.`;
  const bins = of.detail?.reliability || [];
  const parts = [make("h3", {}, "Calibration (test images)"), make("p", { class: "quiet" }, words)];
  if (bins.length) parts.push(drawReliability(bins));
  return parts;
}

function drawReliability(bins) {
  const most = Math.max(...bins.map(([count]) => count));
  const dots = bins.map(([count, x, y]) => {
    return { x, y, name: "front", r: 2 + 4 * Math.sqrt(count / most), title: plural(count, "image") };
  });
  const told = dots.map(({ x, y }) => `${(100 * x).toFixed(0)} % sure, ${(100 * y).toFixed(0)} % right`);
  const label = `Right at each confidence: ${told.join("; ")}`;
  return drawSquare(
    label,
    ["how sure it is", "how often right"],
    [0, 1, ...dots.map(({ x }) => x)],
    dots,
    true,
  );
}

function drawLatency(network) {
  const of = network.finished,
    value = network.values.latency;
  if (value === undefined) return [];
  const spread =
    of.latency_spread === undefined ? "" : `, spread ${Number(of.latency_spread.toPrecision(2))} ms`;
  return [
    make("h3", {}, "Latency"),
    make(
      "p",
      {},
      `${write(MEASURES.get("latency"), value)} an image, ${of.latency_of || "measured where it was finished"}${spread}`,
    ),
  ];
}

function drawExported(of) {
  const rows = (of.exported || []).map((row) =>
    make(
      "tr",
      {},
      make("td", {}, named(row.format)),
      make("td", {}, row.top1 === undefined ? "–" : `${(100 * row.top1).toFixed(1)} %`),
      make("td", {}, row.bytes === undefined ? "–" : WRITE.bytes(row.bytes)),
      make("td", {}, row.latency_1 === undefined ? "–" : `${Number(row.latency_1.toPrecision(3))} ms`),
      make("td", { class: `answer ${row.holds ? "yes" : "no"}` }, row.holds ? "proven" : "not proven"),
    ),
  );
  const head = make(
    "tr",
    {},
    ["Format", "Top-1", "Size", "One thread", ""].map((name) => make("th", {}, name)),
  );
  return rows.length
    ? [make("h3", {}, "For other programs (validation images)"), make("table", {}, head, rows)]
    : [];
}
