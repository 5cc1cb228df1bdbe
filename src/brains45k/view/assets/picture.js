// The picture: NiiVue, one volume at a time.

const at = (id) => document.getElementById(id);
const CENTRE = [0.5, 0.5, 0.5];
const TURN = [110, 15];
// Depth (0 goes through the middle, 2 misses the volume), azimuth and elevation in degrees.
const CUTS = [[2, 0, 0], [0, 270, 0], [0, 90, 0], [0, 0, 0], [0, 180, 0], [0, 0, -90], [0, 0, 90]];

export class Picture {
  #niivue = null;
  #window = [0, 1];
  #plane = "all";
  #cut = 0;

  // Raises where the browser cannot draw.
  async open() {
    const { Niivue, SHOW_RENDER, MULTIPLANAR_TYPE } = window.niivue;
    if (!at("canvas").getContext("webgl2")) {
      throw new Error("This browser has no WebGL 2, which the picture needs. All else works.");
    }
    const niivue = new Niivue({
      dragAndDropEnabled: false,
      isCornerOrientationText: true,
      loadingText: "",
      logLevel: "error",
      multiplanarShowRender: SHOW_RENDER.ALWAYS,
      multiplanarLayout: MULTIPLANAR_TYPE.GRID,
      multiplanarPadPixels: 4,
      clipPlaneColor: [0, 0, 0, 0],
      crosshairColor: [0.3, 0.75, 1, 0.6],
      fontColor: [0.85, 0.85, 0.85, 1],
    });
    await niivue.attachToCanvas(at("canvas"));
    niivue.onLocationChange = (place) => showLocation(place);
    niivue.onIntensityChange = (volume) => this.#note(volume.cal_min, volume.cal_max);
    this.#niivue = niivue;
  }

  get canDraw() {
    return this.#niivue !== null;
  }

  // Show a NIfTI file in the window that is set, unless another one was asked for meanwhile.
  async show(buffer, volumeId, signal) {
    const name = `${volumeId}.nii`;
    const [low, high] = this.#window;
    const volume = await window.niivue.NVImage.loadFromUrl({ url: buffer, name, cal_min: low, cal_max: high });
    signal.throwIfAborted();
    this.clear();
    this.#niivue.addVolume(volume);
    this.choosePlane(this.#plane);
    this.#centre();
    at("canvas").dataset.volume = volumeId;
  }

  clear() {
    delete at("canvas").dataset.volume;
    at("location").textContent = "";
    for (const volume of [...(this.#niivue?.volumes ?? [])]) this.#niivue.removeVolume(volume);
  }

  choosePlane(plane) {
    this.#plane = plane;
    const { SLICE_TYPE } = window.niivue;
    const types = {
      all: SLICE_TYPE.MULTIPLANAR,
      axial: SLICE_TYPE.AXIAL,
      coronal: SLICE_TYPE.CORONAL,
      sagittal: SLICE_TYPE.SAGITTAL,
      render: SLICE_TYPE.RENDER,
    };
    this.#niivue?.setSliceType(types[plane]);
  }

  setWindow(low, high) {
    this.#note(low, high);
    const volume = this.#niivue?.volumes[0];
    if (!volume) return;
    volume.cal_min = low;
    volume.cal_max = high;
    this.#niivue.updateGLVolume();
  }

  get window() {
    return this.#window;
  }

  reset() {
    this.setWindow(0, 1);
    if (this.#niivue?.volumes.length) this.#centre();
  }

  // Cut the 3-D view open from the next side.
  cutNext() {
    this.#cut = (this.#cut + 1) % CUTS.length;
    this.#niivue?.setClipPlane(CUTS[this.#cut]);
  }

  #centre() {
    this.#cut = 0;
    this.#niivue.setClipPlane(CUTS[0]);
    this.#niivue.setRenderAzimuthElevation(...TURN);
    this.#niivue.setPan2Dxyzmm([0, 0, 0, 1]);
    this.#niivue.scene.crosshairPos = CENTRE.slice();
    this.#niivue.createOnLocationChange();
    this.#niivue.drawScene();
  }

  #note(low, high) {
    this.#window = [low, high];
    for (const [name, value] of [["low", low], ["high", high]]) {
      at(name).value = value;
      at(`${name}-value`).textContent = value.toFixed(2);
    }
  }
}

function showLocation({ mm, vox, values }) {
  const place = [...mm].slice(0, 3).map((value) => value.toFixed(1)).join(", ");
  const value = values[0]?.value;
  const level = typeof value === "number" ? value.toFixed(3) : "outside";
  at("location").textContent = `${place} mm \u00b7 voxel ${[...vox].slice(0, 3).join(", ")} \u00b7 ${level}`;
}
