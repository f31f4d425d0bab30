'use strict';
// The gallery: filters, pages, maps drawn from the codes of the scores, and thresholds that are moved by hand.
// Names are untrusted: they are only ever set as text, never as HTML.
(function () {
  const G = mmwsl.gallery;
  const PAGE = 20;
  const KEPT = 300;  // decoded images in memory
  const TITLES = {
    image: 'Image', scores: 'Scores', live: 'Live mask',
    pseudo_label: 'Pseudo-label', prediction: 'Prediction', ground_truth: 'Ground truth',
  };
  const IGNORED = [224, 224, 192];
  const CIVIDIS = ['00224e', '123570', '3b496c', '575d6d', '707173', '8a8678', 'a59c74', 'c3b369', 'e1cc55', 'fee838']
    .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

  const values = G.thresholds.slice();  // of the foreground classes, by index - 1
  const decoded = new Map();  // number -> promise of the decoded codes
  const arrived = new Map();  // number -> function that takes the content of a script
  const state = { page: 0, only: null, rows: [] };
  mmwsl.values = values;
  mmwsl.add = (number, content) => arrived.get(number)?.(content);

  // ---- small helpers ------------------------------------------------------------------------------------------

  const find = (id) => document.getElementById(id);

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name in element && name !== 'list' && typeof value !== 'string') element[name] = value;
      else element.setAttribute(name === 'className' ? 'class' : name, value);
    }
    element.append(...children);
    return element;
  }

  const swatch = (color) => {
    const element = make('i', { className: 'swatch' });
    element.style.background = `rgb(${color.join(',')})`;
    return element;
  };
  const percent = (fraction) => `${(100 * fraction).toFixed(fraction > 0 && fraction < 0.1 ? 2 : 1)}%`;
  const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const option = (value, text) => make('option', { value }, text);

  // ---- the rule -----------------------------------------------------------------------------------------------

  // The smallest code whose score exceeds a threshold, 256 if there is none: `quantize_threshold` in Python.
  function codeOf(threshold) {
    let low = 0, high = 256;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (G.table[middle] > threshold) high = middle; else low = middle + 1;
    }
    return low;
  }

  // A slider moves in the 8-bit codes of the scores, whose steps are fine near 0 and 1: each step changes the masks by
  // one code. At position p a code must exceed p. Its threshold is in the middle of the codes p and p + 1.
  const positionOf = (threshold) => codeOf(threshold) - 1;
  const thresholdAt = (position) => (position <= 0 ? 0 : position >= 255 ? 1
    : Number((Math.sin(Math.PI * (position + 0.5) / 510) ** 2).toFixed(7)));
  const scoreText = (score) => String(Number(score.toFixed(5)));

  // Class index of each pixel: the highest-scoring foreground class where its code reaches that of its threshold.
  function applyThresholds(codes) {
    const limits = G.classes.map((_, k) => (k ? codeOf(values[k - 1]) : 256));
    const mask = new Uint8Array(codes.top.length);
    for (let i = 0; i < mask.length; i++) if (codes.top[i] >= limits[codes.winner[i]]) mask[i] = codes.winner[i];
    return mask;
  }
  mmwsl.mask = async (number) => Array.from(applyThresholds(await load(number)));

  // IoU of each class, background first, exact; NaN for a class in neither masks nor ground truth: `Overlaps.ious` in
  // Python, which explains the counts.
  function ious(thresholds) {
    const { tails, areas, pixels } = G.measured, limits = thresholds.map(codeOf);
    const [hits, missed, predicted] = tails.map((tail) => tail.map((counts, index) => counts[limits[index]]));
    const sum = (counts) => counts.reduce((total, count) => total + count, 0);
    hits.unshift(areas[0] - sum(missed));
    predicted.unshift(pixels - sum(predicted));
    return areas.map((area, k) => hits[k] / (predicted[k] + area - hits[k]));
  }
  function meanIoU(values) {
    const found = values.filter((value) => !Number.isNaN(value));
    return found.reduce((total, value) => total + value, 0) / found.length;
  }
  mmwsl.ious = () => ious(values);

  // ---- codes: one script per image, since a page from disk may not fetch files ------------------------------------

  function load(number) {
    if (!decoded.has(number)) {
      if (decoded.size >= KEPT) decoded.delete(decoded.keys().next().value);
      decoded.set(number, request(number).then(decode));
    }
    return decoded.get(number);
  }

  function request(number) {
    return new Promise((resolve, reject) => {
      const script = make('script', { src: `data/${number}.js` });
      const end = () => { arrived.delete(number); script.remove(); };
      arrived.set(number, (content) => { end(); resolve(content.codes); });
      script.onerror = () => { end(); reject(new Error(`data/${number}.js is missing`)); };
      document.head.append(script);
    });
  }

  async function decode({ width, height, classes, data }) {
    const packed = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer());
    for (let i = 0; i < planes.length; i++) if (i % width) planes[i] += planes[i - 1];  // differences along a row
    const size = width * height;
    const winner = new Uint8Array(size), top = new Uint8Array(size);
    classes.forEach((k, n) => {
      for (let i = 0; i < size; i++) {
        const code = planes[n * size + i];
        if (code > top[i]) { top[i] = code; winner[i] = k; }  // the first of equal classes, as argmax
      }
    });
    return { width, height, classes, planes, winner, top };
  }

  // ---- drawing ------------------------------------------------------------------------------------------------

  function heat(score) {
    const at = score * (CIVIDIS.length - 1), low = Math.min(Math.floor(at), CIVIDIS.length - 2);
    return CIVIDIS[low].map((value, c) => Math.round(value + (at - low) * (CIVIDIS[low + 1][c] - value)));
  }
  const HEAT = G.table.map(heat);

  function draw(canvas, { width, height }, color) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const rgb = color(i);
      if (rgb) { image.data.set(rgb, 4 * i); image.data[4 * i + 3] = 255; }
    }
    context.putImageData(image, 0, 0);
  }

  function drawLive(row) {
    const mask = applyThresholds(row.codes);
    draw(row.live, row.codes, (i) => mask[i] && G.palette[mask[i]]);
    const counts = new Map();
    for (const k of mask) if (k) counts.set(k, (counts.get(k) || 0) + 1);
    const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([k, n]) => `${G.classes[k]} ${percent(n / mask.length)}`);
    row.liveText.textContent = parts.join(', ') || 'background only';
    row.live.setAttribute('aria-label', `Live mask: ${row.liveText.textContent}`);
  }

  function drawScores(row) {
    const chosen = find('score-class').value, { planes, top, classes, width, height } = row.codes;
    const at = classes.indexOf(Number(chosen)) * width * height;
    const plane = chosen === '' ? top : planes.subarray(at, at + width * height);
    draw(row.scores, row.codes, (i) => HEAT[(chosen !== '' && at < 0) ? 0 : plane[i]]);
    const text = chosen === '' ? 'highest class' : G.classes[chosen];
    row.scoresText.textContent = text;
    row.scores.setAttribute('aria-label', `Heat map of the scores: ${text}`);
  }

  let queued = false;
  function redraw() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      state.rows.forEach((row) => row.codes && row.live && drawLive(row));
    });
  }

  // ---- thresholds -----------------------------------------------------------------------------------------------

  const sliders = [];
  // Highest codes of the images with the label, by class: a label has no pixel where its code is below the limit.
  const labeledTops = G.classes.map((_, k) =>
    G.images.filter((entry) => entry.codes && entry.labels?.includes(k)).map((entry) => entry.tops[k] ?? 0));

  function buildSliders() {
    if (!find('sliders')) return;
    values.forEach((value, index) => {
      const name = G.classes[index + 1], spread = G.spread[name];
      const range = make('input', { type: 'range', min: '0', max: '255', step: '1', 'aria-label': `Threshold of ${name}` });
      const number = make('input', { type: 'number', min: '0', max: '1', step: '0.001', 'aria-label': `Threshold of ${name}, as a number` });
      const title = make('span', { className: 'title', title: name }, name);
      const share = make('span'), lost = make('span'), iou = make('span', { className: 'iou' });
      const track = make('div', { className: 'track' }, range);
      if (spread) {
        const [low, high] = spread.map(positionOf);
        const band = make('i', { className: 'spread', title: `over images: ${spread.map(scoreText).join(' to ')}` });
        band.style.setProperty('--low', low / 255);
        band.style.setProperty('--high', high / 255);
        track.append(band);
      }
      const box = make('div', { className: 'slider' },
        make('div', { className: 'head' }, swatch(G.palette[index + 1]), title, number), track,
        make('div', { className: 'numbers' }, share, iou, lost));
      range.oninput = () => {
        const position = Number(range.value), start = G.thresholds[index];
        setThreshold(index, position === positionOf(start) ? start : thresholdAt(position));
      };
      number.onchange = () => {
        const typed = number.valueAsNumber;
        setThreshold(index, Number.isFinite(typed) ? Math.min(Math.max(typed, 0), 1) : values[index]);
      };
      sliders.push({ range, number, box, share, lost, iou });
      find('sliders').append(box);
    });
    find('reset').onclick = () => { G.thresholds.forEach((value, index) => { values[index] = value; }); showThresholds(); };
    find('export').onclick = exportThresholds;
    showThresholds();
  }

  function setThreshold(index, value) {
    values[index] = value;
    showThresholds();
  }

  function showThresholds() {
    let foreground = 0;
    const classIoU = G.measured && ious(values);
    const iouText = (k) => (Number.isNaN(classIoU[k]) ? 'IoU\u00a0–' : `IoU\u00a0${(100 * classIoU[k]).toFixed(1)}`);
    sliders.forEach(({ range, number, box, share, lost, iou }, index) => {
      const limit = codeOf(values[index]), pixels = G.tails[index][limit];
      foreground += pixels;
      range.value = positionOf(values[index]);
      range.setAttribute('aria-valuetext', scoreText(values[index]));
      number.value = scoreText(values[index]);
      box.classList.toggle('changed', values[index] !== G.thresholds[index]);
      share.textContent = `${percent(G.pixels ? pixels / G.pixels : 0)} of pixels`;
      const missing = labeledTops[index + 1].filter((top) => top < limit).length;
      lost.textContent = missing ? `${plural(missing, 'label')} without a pixel` : '';
      if (classIoU) iou.textContent = iouText(index + 1);
    });
    if (find('background-total')) {
      find('background-total').textContent = `background ${percent(G.pixels ? 1 - foreground / G.pixels : 1)} of pixels${classIoU ? `, ${iouText(0)}` : ''}`;
    }
    if (classIoU) showReaction(meanIoU(classIoU));
    const note = find('provenance');
    if (note) {
      note.hidden = !(changed() && G.origin.ground_truth);
      note.textContent = 'This gallery shows ground truth: the exported file says that it was tuned on it.';
    }
    redraw();
  }

  function showReaction(value) {
    const before = changed() ? ` (${(100 * meanIoU(ious(G.thresholds))).toFixed(1)} with the initial thresholds)` : '';
    find('reaction').replaceChildren(make('b', null, `mIoU ${(100 * value).toFixed(1)}`), before,
      ` of the masks by thresholds, before refinement, on ${G.measured.text}`);
  }

  const changed = () => values.some((value, index) => value !== G.thresholds[index]);

  // The file that `mmwsl label --thresholds` takes. Whoever moves a slider beside ground truth tunes on it.
  function exported() {
    const tuned = [G.origin.tuned_on];
    if (changed() && G.origin.ground_truth) {
      tuned.push(`ground truth shown in the report, images: ${G.origin.ground_truth}`);
      if (G.measured) tuned.push(`mIoU shown in the report, on ${G.measured.text}`);
    }
    const start = G.origin.known ? G.origin.method || 'the thresholds of the project' : 'a default';
    return {
      classes: G.classes,
      thresholds: values.slice(),
      tuned_on: tuned.filter(Boolean).join('; ') || null,
      method: changed() ? `set by hand in the report, starting from ${start}` : start,
    };
  }
  mmwsl.exported = exported;

  function exportThresholds() {
    const url = URL.createObjectURL(new Blob([JSON.stringify(exported(), null, 1)], { type: 'application/json' }));
    make('a', { href: url, download: 'thresholds.json' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  // ---- filters --------------------------------------------------------------------------------------------------

  const SORTS = {
    doubt: ['doubt, highest first', (a, b) => b.doubt - a.doubt],
    name: ['name', (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)],
  };
  for (const kind of ['pseudo_label', 'prediction']) {
    if (G.images.some((entry) => kind in entry.iou)) {
      SORTS[kind] = [`IoU of the ${TITLES[kind].toLowerCase()}, lowest first`, (a, b) => (a.iou[kind] ?? 2) - (b.iou[kind] ?? 2)];
    }
  }

  function isWithoutPixel(entry) {
    if (!entry.codes) return entry.missing > 0;
    return entry.labels?.some((k) => (entry.tops[k] ?? 0) < codeOf(values[k - 1]));
  }

  function selected() {
    if (state.only !== null) return G.images.filter((entry) => entry.number === state.only);
    const k = find('class').value, split = find('split').value, only = find('only').value;
    const text = find('search').value.toLowerCase();
    return G.images.filter((entry) =>
      (k === '' || (k === 'none' ? entry.classes.length === 0 : entry.classes.includes(Number(k))))
      && (split === '' || entry.split === split)
      && (only === '' || (only === 'missing' ? isWithoutPixel(entry) : entry.notes.length > 0))
      && entry.name.toLowerCase().includes(text),
    ).sort(SORTS[find('sort').value][1]);
  }

  function buildFilters() {
    find('class').append(option('', 'all classes'),
      ...G.classes.slice(1).map((name, index) => option(index + 1, name)), option('none', 'no class'));
    find('split').append(option('', 'all splits'),
      ...[...new Set(G.images.map((entry) => entry.split))].map((name) => option(name, name)));
    find('sort').append(...Object.entries(SORTS).map(([key, [text]]) => option(key, text)));
    for (const id of ['class', 'split', 'only', 'sort']) find(id).onchange = restart;
    find('search').oninput = restart;
    if (find('score-class')) {
      find('score-class').append(option('', 'highest class'), ...G.classes.slice(1).map((name, index) => option(index + 1, name)));
      find('score-class').onchange = () => state.rows.forEach((row) => row.codes && row.scores && drawScores(row));
      find('colorbar').style.background = `linear-gradient(to right, ${CIVIDIS.map((rgb) => `rgb(${rgb.join(',')})`).join(',')})`;
    }
    find('size').oninput = resize;
    for (const [suffix, step] of [['previous', -1], ['next', 1]]) {
      for (const id of [suffix, `${suffix}-below`]) find(id).onclick = () => { state.page += step; show(); window.scrollTo(0, 0); };
    }
  }

  function buildColumns() {
    const kinds = ['image'];
    if (G.images.some((entry) => entry.codes)) kinds.push('scores', 'live');
    for (const kind of ['pseudo_label', 'prediction', 'ground_truth']) {
      if (G.images.some((entry) => entry.masks.includes(kind))) kinds.push(kind);
    }
    for (const kind of kinds) {
      const box = make('input', { type: 'checkbox', value: kind });
      box.checked = true;
      box.onchange = () => { fitColumns(); show(); };
      find('columns').append(make('label', null, box, TITLES[kind]));
    }
  }

  const resize = () => document.body.style.setProperty('--pane', `${find('size').value}px`);

  // Make the columns so wide that those of one image fit into a row.
  function fitColumns() {
    const count = columns().length;
    find('size').value = Math.floor((find('rows').clientWidth - 8 - 10 * count) / count);
    resize();
  }

  const columns = () => [...find('columns').querySelectorAll('input:checked')].map((box) => box.value);

  function buildLegend() {
    G.classes.forEach((name, k) => {
      if (k) find('legend').append(make('li', null, swatch(G.palette[k]), name));
    });
    find('legend').append(make('li', null, swatch(IGNORED), 'ignored'));
  }

  function restart() {
    state.page = 0;
    state.only = null;
    if (location.hash) history.replaceState(null, '', location.href.split('#')[0]);
    show();
  }

  // ---- rows -----------------------------------------------------------------------------------------------------

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      const row = state.rows.find((candidate) => candidate.element === target);
      if (row) fill(row);
    }
  }, { rootMargin: '600px' });

  async function fill(row) {
    try {
      row.codes = await load(row.entry.number);
    } catch (error) {
      for (const text of [row.liveText, row.scoresText]) if (text) text.textContent = error.message;
      return;
    }
    if (row.live) drawLive(row);
    if (row.scores) drawScores(row);
  }

  function pane(entry, kind, row) {
    const frame = make('div', { className: 'frame' }), caption = make('figcaption', null, make('b', null, TITLES[kind]));
    frame.style.aspectRatio = entry.size ? `${entry.size[0]} / ${entry.size[1]}` : '4 / 3';
    const layer = (className, src, alt) => make('img', { className, src, alt, loading: 'lazy', decoding: 'async' });
    if (entry.size && kind !== 'scores') {
      const alt = kind === 'image' ? `Image ${entry.name}` : '';
      frame.append(layer(kind === 'image' ? '' : 'under', `images/${entry.number}.jpg`, alt));
    }
    if (kind === 'scores' || kind === 'live') {
      const text = make('span');
      row[kind] = make('canvas', { className: kind === 'live' ? 'over' : '', role: 'img', 'aria-label': TITLES[kind] });
      row[`${kind}Text`] = text;
      frame.append(row[kind]);
      caption.append(' ', text);
    } else if (kind !== 'image') {
      const iou = entry.iou[kind];
      frame.append(layer('over', `masks/${entry.number}_${kind}.png`, `${TITLES[kind]} of ${entry.name}`));
      if (iou !== undefined) caption.append(` IoU ${(100 * iou).toFixed(1)}`);
    } else if (entry.size) {
      caption.append(` ${entry.size.join(' × ')}`);
    }
    return make('figure', { className: 'pane', 'data-kind': kind }, frame, caption);
  }

  function buildRow(entry) {
    const row = { entry };
    const title = make('h2', { dir: 'auto' }, entry.name);
    const labels = entry.labels === null ? [make('span', { className: 'chip split' }, 'unlabeled')]
      : entry.labels.map((k) => {
        const prob = entry.probs[k];
        return make('span', { className: 'chip' }, swatch(G.palette[k]), G.classes[k] + (prob === undefined ? '' : ` ${Math.round(100 * prob)}%`));
      });
    if (entry.labels?.length === 0) labels.push(make('span', { className: 'chip' }, 'background image'));
    const header = make('header', null, title, make('span', { className: 'chip split' }, entry.split), ...labels);
    const bar = make('i');
    bar.style.width = percent(entry.doubt);
    const meter = make('span', { className: 'meter', role: 'img', 'aria-label': `Doubt ${percent(entry.doubt)}`, title: `doubt ${percent(entry.doubt)}` }, bar);
    const why = make('p', { className: 'why' }, meter, [...entry.notes, ...entry.reasons].join(' · ') || 'no doubt');
    const panes = columns()
      .filter((kind) => (kind === 'image' ? true : kind === 'scores' || kind === 'live' ? entry.codes : entry.masks.includes(kind)))
      .map((kind) => pane(entry, kind, row));
    row.element = make('article', { className: 'item', tabindex: '0', 'data-number': String(entry.number) },
      header, why, make('div', { className: 'strip-row' }, ...panes));
    return row;
  }

  function show() {
    const found = selected(), pages = Math.max(1, Math.ceil(found.length / PAGE));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    observer.disconnect();
    state.rows = found.slice(state.page * PAGE, (state.page + 1) * PAGE).map(buildRow);
    find('rows').replaceChildren(...state.rows.map((row) => row.element));
    if (!found.length) find('rows').append(make('p', { className: 'empty' }, 'No image fits these filters.'));
    state.rows.forEach((row) => row.entry.codes && (row.live || row.scores) && observer.observe(row.element));
    const all = found.length === G.images.length;
    find('count').textContent = all ? `${found.length} images` : `${found.length} of ${G.images.length} images`;
    for (const suffix of ['', '-below']) {
      find(`page${suffix}`).textContent = `${state.page + 1} / ${pages}`;
      find(`previous${suffix}`).disabled = state.page === 0;
      find(`next${suffix}`).disabled = state.page === pages - 1;
    }
    if (state.only !== null) {
      const back = make('button', { type: 'button' }, 'Show all images');
      back.onclick = restart;
      find('count').append(' ', back);
    }
  }

  // Arrow keys move between the images, unless they belong to a control.
  find('rows').addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    const at = state.rows.findIndex((row) => row.element === document.activeElement);
    if (!step || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = state.rows[at + step];
    if (next) next.element.focus();
    else if (step > 0 && !find('next').disabled) { find('next').click(); state.rows[0].element.focus(); }
    else if (step < 0 && !find('previous').disabled) { find('previous').click(); state.rows.at(-1).element.focus(); }
  });

  // A link of the overview: #class=NAME, #image=NUMBER or #only=notes.
  function readHash() {
    const hash = new URLSearchParams(location.hash.slice(1).replaceAll('+', '%2B'));
    const k = G.classes.indexOf(hash.get('class')), number = Number(hash.get('image'));
    if (k > 0) find('class').value = String(k);
    if (hash.get('only')) find('only').value = hash.get('only') === 'missing' ? 'missing' : 'notes';
    state.only = hash.has('image') && G.images.some((entry) => entry.number === number) ? number : null;
    state.page = 0;
    show();
  }

  if (window.matchMedia('(max-width: 760px)').matches) {  // narrow: the images come first, the settings are folded
    document.querySelectorAll('aside details').forEach((element) => { element.open = false; });
  }
  buildFilters();
  buildColumns();
  buildLegend();
  buildSliders();
  window.addEventListener('hashchange', readHash);
  readHash();
  fitColumns();
  mmwsl.ready = true;
})();
