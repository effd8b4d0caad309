// Flash and beep: a camera that turns white and a microphone that sounds in the same moment, about once a second; and the reading
// of both from what a page shows and plays. In place of `devices.js`, which must have run before it. `__flashLateS`, set
// before, makes this camera late by so many seconds: what must be noticed.
(() => {
  if (typeof MediaDevices === 'undefined') return;
  /**
   * Seconds between flashes: skew is read to half of this. Not a whole second: cameras and screens have clocks of whole frames, and flashes that always fell on the same
   * part of a frame would all be read early or late by the same frame and more. This way each falls 7 ms further on, and the median is the middle.
   */
  const PERIOD = 1.007;
  const LENGTH = 0.25;
  const WIDTH = 320;
  const HEIGHT = 180;
  /** A frame at least this often, so that the encoder never rests; and at once when the picture turns. */
  const TICK_MS = 10;
  const IDLE_TICKS = 5;

  let source = null;
  function start() {
    const audio = new AudioContext();
    const oscillator = audio.createOscillator();
    oscillator.frequency.value = 1000;
    const volume = audio.createGain();
    volume.gain.value = 0;
    const out = audio.createMediaStreamDestination();
    oscillator.connect(volume).connect(out);
    oscillator.start();
    let planned = 0;
    const plan = () => {
      if (audio.state !== 'running') return;
      for (let n = Math.max(planned, Math.ceil((audio.currentTime + 0.1) / PERIOD)); n * PERIOD < audio.currentTime + 3; n += 1) {
        volume.gain.setValueAtTime(0.5, n * PERIOD);
        volume.gain.setValueAtTime(0, n * PERIOD + LENGTH);
        planned = n + 1;
      }
    };
    setInterval(plan, 200);
    const wake = () => void audio.resume().then(plan);
    for (const event of ['pointerdown', 'click', 'keydown']) addEventListener(event, wake, { capture: true });
    const canvas = document.createElement('canvas');
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const context = canvas.getContext('2d');
    const stream = canvas.captureStream(0);
    const track = stream.getVideoTracks()[0];
    let white = null;
    let idle = 0;
    setInterval(() => {
      // The audio clock decides for both. Before the first planned beep there is no flash either.
      const now = audio.currentTime - (globalThis.__flashLateS ?? 0);
      const turned = now >= PERIOD && now % PERIOD < LENGTH;
      idle += 1;
      if (turned === white && idle < IDLE_TICKS) return;
      white = turned;
      idle = 0;
      context.fillStyle = white ? '#fff' : '#111';
      context.fillRect(0, 0, WIDTH, HEIGHT);
      ('requestFrame' in track ? track : stream).requestFrame();
    }, TICK_MS);
    return { sound: out.stream.getAudioTracks()[0], track };
  }

  Object.defineProperty(MediaDevices.prototype, 'getUserMedia', {
    configurable: true,
    writable: true,
    async value({ audio = false, video = false }) {
      source ??= start();
      return new MediaStream([...(audio ? [source.sound.clone()] : []), ...(video ? [source.track.clone()] : [])]);
    },
  });

  // One for all readings: starting an audio context makes a gap in everything that plays, and buffers grow after it.
  let ear = null;
  async function listener(track) {
    ear ??= { audio: new AudioContext(), analysers: new Map() };
    await ear.audio.resume();
    if (!ear.analysers.has(track.id)) {
      const analyser = ear.audio.createAnalyser();
      analyser.fftSize = 32_768;
      ear.audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      ear.analysers.set(track.id, analyser);
    }
    return { audio: ear.audio, analyser: ear.analysers.get(track.id) };
  }

  function shown(name) {
    const video = [...document.querySelectorAll('[data-test=tile]')].find((t) => t.dataset.member === name && t.dataset.self !== 'true')?.querySelector('video');
    const element = [...document.querySelectorAll('audio[data-test=tile-audio]')].find((a) => a.dataset.member === name);
    if (!video || !element) throw new Error(`there is no picture or no sound called ${name}`);
    return { video, sound: element.srcObject.getAudioTracks()[0] };
  }

  /** This camera and this microphone as they come out of a connection without any server between: what this browser makes of picture and sound by itself. */
  let mirror = null;
  async function direct() {
    if (mirror !== null) return mirror;
    source ??= start();
    // Not one of those that the tests keep, which are the page's.
    const Connection = '__peers' in globalThis ? Object.getPrototypeOf(RTCPeerConnection) : RTCPeerConnection;
    const [from, to] = [new Connection(), new Connection()];
    from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate);
    to.onicecandidate = ({ candidate }) => candidate && from.addIceCandidate(candidate);
    const came = {};
    to.ontrack = ({ track }) => {
      came[track.kind] = track;
    };
    const sent = new MediaStream([source.sound.clone(), source.track.clone()]);
    for (const track of sent.getTracks()) from.addTrack(track, sent);
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription);
    const [video, audio] = [document.createElement('video'), document.createElement('audio')];
    video.muted = true;
    video.srcObject = new MediaStream([came.video]);
    audio.srcObject = new MediaStream([came.audio]);
    video.style.cssText = 'position:fixed;inset:0 auto auto 0;width:80px;height:45px;pointer-events:none';
    document.body.append(video, audio);
    await Promise.all([video.play(), audio.play()]);
    mirror = { video, sound: came.audio, keeps: [from, to] };
    return mirror;
  }

  /** Watches and listens to one member, or to what this page itself sends by a direct connection (null): the moments (ms, this page's clock) at which white begins and sound begins. */
  globalThis.__flashes = async (name, ms) => {
    const { video, sound } = name === null ? await direct() : shown(name);
    const flashes = [];
    const beeps = [];
    let going = true;
    const canvas = new OffscreenCanvas(8, 8);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    let bright = null;
    const look = () =>
      video.requestVideoFrameCallback((_now, { expectedDisplayTime }) => {
        context.drawImage(video, 0, 0, 8, 8);
        const level = context.getImageData(4, 4, 1, 1).data[1];
        const white = level > 128;
        if (white && bright === false) flashes.push(expectedDisplayTime);
        bright = white;
        if (going) look();
      });
    look();
    const { audio, analyser } = await listener(sound);
    const data = new Float32Array(analyser.fftSize);
    let done = audio.currentTime;
    let quietSince = null;
    const until = performance.now() + ms;
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      analyser.getFloatTimeDomainData(data);
      const end = audio.currentTime;
      const { contextTime, performanceTime } = audio.getOutputTimestamp();
      const first = Math.max(0, Math.ceil(data.length - (end - done) * audio.sampleRate));
      for (let at = first; at < data.length; at += 1) {
        const when = end - (data.length - at) / audio.sampleRate;
        if (Math.abs(data[at]) < 0.05) quietSince ??= when;
        else {
          // A beep crosses zero all the time; its beginning is sound after a tenth of a second of quiet.
          if (quietSince !== null && when - quietSince > 0.1) beeps.push(performanceTime + (when - contextTime) * 1000);
          quietSince = null;
        }
      }
      done = end;
    }
    going = false;
    return { flashes, beeps };
  };
})();
