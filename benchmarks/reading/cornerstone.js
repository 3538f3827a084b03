// The comparison page of `python -m benchmarks.reading --viewer --peer`: one X-ray in linked panels, by Cornerstone3D.

import { Enums, RenderingEngine, imageLoader, init, metaData, setUseCPURendering, utilities } from "@cornerstonejs/core";

const IMAGE = "grey:xray";
let viewports = [];

// Decodes the X-ray, which is not timed; then the milliseconds until every panel has painted it.
window.begin = async ({ source, panels, cpu }) => {
  const { pixels, side } = await grey(source);
  await init();
  setUseCPURendering(cpu);
  imageLoader.registerImageLoader("grey", () => ({ promise: Promise.resolve(image(pixels, side)) }));
  metaData.addProvider((kind) => described(kind, side), 1);
  const elements = [...document.querySelectorAll(".panel")].slice(0, panels);
  const start = performance.now();
  const engine = new RenderingEngine("benchmark");
  engine.setViewports(elements.map((element, index) => ({ viewportId: `${index}`, type: Enums.ViewportType.STACK, element })));
  const painted = elements.map((element) => new Promise((done) => {
    element.addEventListener(Enums.Events.IMAGE_RENDERED, done, { once: true });
  }));
  viewports = elements.map((_, index) => engine.getViewport(`${index}`));
  await Promise.all(viewports.map((viewport) => viewport.setStack([IMAGE])));
  engine.render();
  await Promise.all(painted);
  return performance.now() - start;
};

// One change per frame in all panels, as on our page; milliseconds between frames.
window.gesture = (kind, frames) => new Promise((done) => {
  const times = [];
  const { parallelScale } = viewports[0].getCamera();
  let last = null;
  requestAnimationFrame(function frame(now) {
    if (last !== null) times.push(now - last);
    last = now;
    if (times.length === frames) return done(times);
    const change = { window: () => ({ voiRange: range(times.length) }), zoom: () => parallelScale / (1 + (times.length % 60) / 30) };
    for (const viewport of viewports) {
      if (kind === "window") viewport.setProperties(change.window());
      else viewport.setCamera({ parallelScale: change.zoom() });
      viewport.render();
    }
    return requestAnimationFrame(frame);
  });
});

function range(number) {
  const [width, centre] = [100 + (number % 90), 90 + ((number * 7) % 80)];
  return { lower: centre - width / 2, upper: centre + width / 2 };
}

async function grey(source) {
  const bitmap = await createImageBitmap(await (await fetch(source)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { side: bitmap.width, pixels: Uint8Array.from({ length: data.length / 4 }, (_, index) => data[4 * index]) };
}

function image(pixels, side) {
  const sides = { rows: side, columns: side, height: side, width: side, columnPixelSpacing: 1, rowPixelSpacing: 1 };
  const values = { minPixelValue: 0, maxPixelValue: 255, slope: 1, intercept: 0, windowCenter: 128, windowWidth: 256 };
  const kind = { color: false, rgba: false, invert: false, numberOfComponents: 1, photometricInterpretation: "MONOCHROME2" };
  const voxels = { width: side, height: side, scalarData: pixels, numberOfComponents: 1 };
  const voxelManager = utilities.VoxelManager.createImageVoxelManager(voxels);
  return { imageId: IMAGE, ...sides, ...values, ...kind, dataType: "Uint8Array", sizeInBytes: pixels.length, getPixelData: () => pixels, voxelManager };
}

function described(kind, side) {
  const depth = { bitsAllocated: 8, bitsStored: 8, highBit: 7, pixelRepresentation: 0 };
  const spacing = { pixelSpacing: [1, 1], columnPixelSpacing: 1, rowPixelSpacing: 1, columns: side, rows: side };
  const axes = { imageOrientationPatient: [1, 0, 0, 0, 1, 0], rowCosines: [1, 0, 0], columnCosines: [0, 1, 0], imagePositionPatient: [0, 0, 0] };
  return {
    imagePixelModule: { ...depth, samplesPerPixel: 1, photometricInterpretation: "MONOCHROME2" },
    imagePlaneModule: { ...spacing, ...axes, frameOfReferenceUID: "1" },
    generalSeriesModule: { modality: "DX" },
  }[kind];
}
