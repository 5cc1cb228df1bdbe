// What is asked of the server. Addresses are relative: they carry the token of the page's own address.

async function ask(address, signal) {
  let answer;
  try {
    answer = await fetch(address, { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The viewer does not answer. It has ended, or failed: see the terminal that it runs in.");
  }
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer;
}

export async function corpus() {
  return (await ask("corpus")).json();
}

export async function page(search, { offset = 0, volume = "" } = {}) {
  return (await ask(`rows?${new URLSearchParams({ ...search, offset, volume })}`)).json();
}

export async function details(volumeId, signal) {
  return (await ask(`rows/${encodeURIComponent(volumeId)}`, signal)).json();
}

export async function voxels(volumeId, signal) {
  return (await ask(`volume/${encodeURIComponent(volumeId)}.nii`, signal)).arrayBuffer();
}
