// Begins: draws all, and again whenever something has changed.

function drawTheme() {
  const dark = () =>
    (document.documentElement.dataset.theme ||
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const say = () => {
    byId("theme").textContent = dark() ? "Light" : "Dark";
  };
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    say();
  });
  say();
}

drawTheme();
drawHeader();
drawStrip();
drawControls();
drawLegend();
drawDrop();
drawAbout();
listeners.push(
  drawScatter,
  drawLimits,
  drawWords,
  drawParallel,
  drawDetail,
  drawTake,
  drawTable,
  drawCompared,
);
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clearAll();
});
new ResizeObserver(changed).observe(byId("plot"));
state.chosen = (picked()?.pick || NETWORKS.find((each) => each.front) || NETWORKS[0])?.index ?? null;
listeners.forEach((listener) => listener());
