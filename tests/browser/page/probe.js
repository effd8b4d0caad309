// Reads what a page really shows and plays, from the elements that a person sees and hears. Expects `blockCode` and
// `settings` in scope. It looks only at the DOM: nothing of the client's own state.
(() => {
  const canvas = new OffscreenCanvas(blockCode.WIDTH, blockCode.HEIGHT);
  const context = canvas.getContext('2d', { willReadFrequently: true });

  function readVideo(video) {
    if (video.videoWidth === 0 || video.readyState < 2) return null;
    context.drawImage(video, 0, 0, blockCode.WIDTH, blockCode.HEIGHT);
    const word = blockCode.read(context.getImageData(0, 0, blockCode.WIDTH, blockCode.HEIGHT).data);
    if (word === null) return null;
    return { ...word, behind: blockCode.behind(word.counter, blockCode.counterAt(settings.epochMs, Date.now())) };
  }

  /** Every tile with a name, and what its picture says. */
  function tiles() {
    return [...document.querySelectorAll('[data-test=tile]')].map((tile) => {
      const video = tile.querySelector('video');
      return {
        name: tile.dataset.member ?? '',
        self: tile.dataset.self === 'true',
        kind: tile.dataset.kind ?? 'camera',
        size: video === null ? null : [video.videoWidth, video.videoHeight],
        word: video === null ? null : readVideo(video),
      };
    });
  }

  // An analyser per track. Its window of 32,768 samples (0.7 s) is read again before it has passed by: no sample is missed.
  const WINDOW = 32_768;
  let audio = null;
  const analysers = new Map();
  function samples(element) {
    const track = element.srcObject?.getAudioTracks?.()[0];
    if (track === undefined) return null;
    audio ??= new AudioContext();
    if (audio.state !== 'running') void audio.resume();
    let analyser = analysers.get(track.id);
    if (analyser === undefined) {
      analyser = audio.createAnalyser();
      analyser.fftSize = WINDOW;
      audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      analysers.set(track.id, analyser);
    }
    const data = new Float32Array(WINDOW);
    analyser.getFloatTimeDomainData(data);
    return { data, rate: audio.sampleRate, end: audio.currentTime };
  }

  /** Energy of one frequency in `data[from..to]`, as a share of all energy there (Goertzel). */
  function share(data, from, to, rate, frequency) {
    const turn = 2 * Math.cos((2 * Math.PI * frequency) / rate);
    let [one, two, all] = [0, 0, 0];
    for (let n = from; n < to; n += 1) {
      const next = data[n] + turn * one - two;
      two = one;
      one = next;
      all += data[n] * data[n];
    }
    const energy = one * one + two * two - turn * one * two;
    return { all: all / (to - from), share: all === 0 ? 0 : (2 * energy) / ((to - from) * all) };
  }

  /** Whose tone, and which of its steps, stands in this stretch; null if it is silence or no clear tone. */
  function readTone(data, from, to, rate, ids) {
    let best = null;
    for (const id of ids) {
      for (let step = 0; step < blockCode.STEPS; step += 1) {
        const here = share(data, from, to, rate, blockCode.frequency(id, step));
        if (here.all < 1e-6) return null;
        if (best === null || here.share > best.share) best = { id, step, share: here.share };
      }
    }
    return best !== null && best.share > 0.45 ? best : null;
  }

  const IDS = [1, 2, 3, 4, 5, 6, 7, 8];

  /** Every sound element with a name, and whose tone it plays now. */
  function sounds() {
    return [...document.querySelectorAll('audio[data-test=tile-audio]')].map((element) => {
      const got = samples(element);
      const length = got === null ? 0 : Math.floor(got.rate * 0.06);
      return {
        name: element.dataset.member ?? '',
        playing: !element.paused,
        tone: got === null ? null : readTone(got.data, WINDOW - length, WINDOW, got.rate, IDS),
      };
    });
  }

  /**
   * Follows one member's tone for `ms` and returns its steps as runs: [{ step, from, to }] in seconds of the audio clock.
   * `step` is -1 where no clear tone of that member stands.
   */
  async function follow(name, id, ms) {
    const HOP = 0.01;
    const LOOK = 0.04;
    const runs = [];
    let done = null;
    const until = performance.now() + ms;
    while (performance.now() < until) {
      const element = [...document.querySelectorAll('audio[data-test=tile-audio]')].find((a) => a.dataset.member === name);
      const got = element === undefined ? null : samples(element);
      if (got !== null) {
        const start = got.end - WINDOW / got.rate;
        done ??= Math.ceil(got.end / HOP) * HOP;
        if (done < start) throw new Error('the page was too busy to listen without gaps');
        for (; done + LOOK <= got.end; done += HOP) {
          const from = Math.floor((done - start) * got.rate);
          const tone = readTone(got.data, from, from + Math.floor(LOOK * got.rate), got.rate, [id]);
          const step = tone === null ? -1 : tone.step;
          const last = runs.at(-1);
          if (last?.step === step) last.to = done;
          else runs.push({ step, from: done, to: done });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    return runs;
  }

  globalThis.__probe = { tiles, sounds, follow };
})();
