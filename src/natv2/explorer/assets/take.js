// "Take it": the file, its hash, and the lines that load, predict, export and refine it, each with a button that copies it.

function drawTake() {
  const network = NETWORKS[state.chosen];
  const blocks = !network ? [] : network.file ? takeFile(network) : takeFound(network);
  const none = make(
    "p",
    { class: "quiet" },
    network
      ? "It has no file: the search keeps supernets, and finishing takes networks of the front."
      : "Choose a network first.",
  );
  refill(
    byId("take"),
    make("h2", {}, "Take it", network ? [": ", named(title(network))] : []),
    blocks.length ? blocks : none,
  );
}

function takeFile(network) {
  const path = network.file.path,
    quoted = quote(path);
  const blocks = [block("The file, seen from the project's folder", path)];
  if (network.file.sha256) blocks.push(block("Its SHA-256; sha256sum says the same", network.file.sha256));
  blocks.push(
    block(
      "Load it, in Python",
      `import natv2\n\nclassifier = natv2.load_network(${JSON.stringify(path)})\nfor prediction in classifier.predict("photo.jpg", top=3):\n    print(prediction)`,
    ),
    block("What it says of your images", `natv2 predict ${quoted} photos/ --top 3`),
    block("For other programs", `natv2 export ${quoted} --to onnx,onnx_int8 --out exported --images photos`),
  );
  if (network.kind === "finished" && DATA.commands.refine)
    blocks.push(block("Refine it: as an ensemble of its exits too", DATA.commands.refine));
  return blocks;
}

/** What finishes a network that was only found: it, where it is the front's best within its MACs, or the whole front. */
function takeFound(network) {
  if (network.kind !== "found" || !network.front) return [];
  const better = NETWORKS.some(
    (each) =>
      each.kind === "found" &&
      each.front &&
      each.values.macs <= network.values.macs &&
      each.values.accuracy > network.values.accuracy,
  );
  const command = better ? DATA.commands.finish_front : DATA.commands.finish;
  if (!command) return [];
  return [
    block(
      better
        ? "Finish it, with all of the front"
        : "Finish it: the most accurate network of at most its MACs",
      command.replaceAll("{macs}", String(network.values.macs)),
    ),
  ];
}

/** A path as a shell takes it for one word. */
function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function block(what, text) {
  const button = make(
    "button",
    {
      type: "button",
      "aria-label": `Copy: ${what}`,
      "data-key": `copy-${what}`,
      click: () => copy(text, button),
    },
    "Copy",
  );
  return make("div", { class: "take" }, make("div", { class: "what" }, what), make("pre", {}, text), button);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", {});
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = "Copy";
  }, 1500);
}
