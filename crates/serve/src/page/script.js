"use strict";
const at = id => document.getElementById(id);
const percent = share => (100 * share).toFixed(1) + "%";
let asked = null, shown = null;

const say = text => { at("state").textContent = text; };
const fail = text => {
  say("");
  at("error").textContent = text;
  at("error").hidden = !text;
};

const element = (tag, text) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  return made;
};

const png = base64 => "data:image/png;base64," + base64;

function show(file, url, answer) {
  fail("");
  at("answer").textContent = answer.class + ", " + percent(answer.probability);
  if (shown) URL.revokeObjectURL(shown);
  shown = url;
  at("image").src = url;
  at("image").alt = "The image that was asked about";
  at("name").textContent = file.name || "The image";
  at("evidence").hidden = !answer.heat_map;
  if (answer.heat_map) {
    at("map").src = png(answer.heat_map.png);
    at("map").alt = "Where the evidence for " + answer.class + " lies, brighter for more";
    at("stage").textContent = "The part that the network saw, and over it the evidence for " + answer.class
      + " at " + answer.heat_map.stage + " (Grad-CAM): the brighter, the more.";
  }
  at("classes").replaceChildren(...answer.top.map(entry => {
    const row = element("li"), bar = element("i");
    bar.style.setProperty("--share", percent(entry.probability));
    bar.setAttribute("aria-hidden", "true");
    row.append(element("b", entry.class), element("span", percent(entry.probability)), bar);
    return row;
  }));
  at("similar").hidden = answer.neighbors.length === 0;
  at("neighbors").replaceChildren(...answer.neighbors.map(entry => {
    const row = element("li");
    if (entry.png) {
      const image = element("img");
      image.src = png(entry.png);
      image.alt = "A training image of " + entry.class;
      row.append(image);
    }
    row.append(element("b", entry.class), element("div", "similarity " + entry.similarity.toFixed(2)), element("div", entry.path));
    return row;
  }));
  at("result").hidden = false;
  say("Answer: " + answer.class + ", " + percent(answer.probability) + ".");
  at("result").focus({ preventScroll: true });
}

async function ask(file) {
  if (asked) asked.abort();
  const own = asked = new AbortController();
  at("result").hidden = true;
  fail("");
  say("Looking at the image …");
  const url = URL.createObjectURL(file);
  try {
    const response = await fetch("/explain", { method: "POST", body: file, signal: own.signal });
    const answer = await response.json();
    if (own !== asked) return URL.revokeObjectURL(url);
    if (response.ok) return show(file, url, answer);
    fail(answer.error);
  } catch (error) {
    if (own === asked) fail("The server does not answer. Is it still running?");
  }
  URL.revokeObjectURL(url);
}

const first = (data, what) => {
  const files = [...(data ? data.files : [])];
  const file = files.find(file => file.type.startsWith("image/")) || files[0];
  if (file) ask(file); else fail("What was " + what + " is no image file.");
};

at("file").addEventListener("change", () => {
  if (at("file").files.length) ask(at("file").files[0]);
  // The same file can be chosen again.
  at("file").value = "";
});
addEventListener("paste", event => { event.preventDefault(); first(event.clipboardData, "pasted"); });
addEventListener("dragover", event => { event.preventDefault(); document.body.classList.add("over"); });
addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("over"); });
addEventListener("drop", event => {
  event.preventDefault();
  document.body.classList.remove("over");
  first(event.dataTransfer, "dropped");
});
