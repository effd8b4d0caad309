// Replaces the browser's camera, microphone and screen before any code of the page runs.
// Expects `blockCode` and `settings` ({ id, camera, microphone, denied, epochMs }) in scope.
// A camera is a canvas that shows id and counter, a microphone a tone that steps with the same counter.
(() => {
  // A page that is no secure context (the empty one before the first) has no devices, in Firefox not even their names.
  if (typeof MediaDevices === 'undefined') return;
  const counterNow = () => blockCode.counterAt(settings.epochMs, Date.now());
  /** Every track handed out, so that a test can see whether devices are let go. */
  const given = [];
  const give = (stream) => {
    given.push(...stream.getTracks());
    return stream;
  };

  /** Lets a track say which device it comes from, as a real one does. */
  function from(track, deviceId, label) {
    const settings = track.getSettings.bind(track);
    Object.defineProperty(track, 'getSettings', { value: () => ({ ...settings(), deviceId, groupId: 'test' }) });
    Object.defineProperty(track, 'label', { value: label });
    return track;
  }

  function pictureTrack(kind) {
    const canvas = document.createElement('canvas');
    canvas.width = blockCode.WIDTH;
    canvas.height = blockCode.HEIGHT;
    const context = canvas.getContext('2d');
    const paint = () => blockCode.draw(context, { id: settings.id, kind, counter: counterNow() });
    paint();
    const stream = canvas.captureStream(0);
    const track = stream.getVideoTracks()[0];
    // Firefox has this on the stream, Chromium on the track, as the specification says.
    const source = 'requestFrame' in track ? track : stream;
    const timer = setInterval(() => {
      if (track.readyState === 'ended') {
        clearInterval(timer);
        return;
      }
      paint();
      source.requestFrame();
    }, 1000 / blockCode.PER_SECOND);
    return track;
  }

  // One tone for all captures. A real microphone needs no gesture, a Web Audio graph does: it starts with the first one.
  let tone = null;
  function toneTrack() {
    if (tone === null) {
      const audio = new AudioContext();
      const oscillator = audio.createOscillator();
      const volume = audio.createGain();
      volume.gain.value = 0.4;
      const out = audio.createMediaStreamDestination();
      oscillator.connect(volume).connect(out);
      oscillator.start();
      // Steps are planned a second ahead on the audio clock, so that a busy page makes no false gaps.
      let planned = 0;
      const plan = () => {
        if (audio.state !== 'running') return;
        const wall = Date.now();
        const clock = audio.currentTime;
        const step = 1000 / blockCode.PER_SECOND;
        const first = Math.ceil((wall - settings.epochMs) / step);
        for (let n = Math.max(first, planned); n < first + 15; n += 1) {
          const at = clock + (settings.epochMs + n * step - wall) / 1000;
          oscillator.frequency.setValueAtTime(blockCode.frequency(settings.id, n), at);
          planned = n + 1;
        }
      };
      setInterval(plan, 200);
      const wake = () => void audio.resume().then(plan);
      for (const event of ['pointerdown', 'click', 'keydown']) addEventListener(event, wake, { capture: true });
      tone = { audio, out };
    }
    return tone.out.stream.getAudioTracks()[0].clone();
  }

  function refuse(name) {
    return Promise.reject(new DOMException('refused by the test', name));
  }

  async function getUserMedia(constraints) {
    const { audio = false, video = false } = constraints ?? {};
    if (settings.denied) return refuse('NotAllowedError');
    if ((audio && !settings.microphone) || (video && !settings.camera)) return refuse('NotFoundError');
    const stream = new MediaStream();
    if (audio) stream.addTrack(from(toneTrack(), 'microphone-1', 'Test microphone'));
    if (video) stream.addTrack(from(pictureTrack('camera'), 'camera-1', 'Test camera'));
    return give(stream);
  }

  async function getDisplayMedia(constraints) {
    const stream = new MediaStream([pictureTrack('screen')]);
    if (constraints?.audio) stream.addTrack(toneTrack());
    return give(stream);
  }

  async function enumerateDevices() {
    const device = (kind, deviceId, label) => ({ kind, deviceId, label, groupId: 'test', toJSON() { return this; } });
    return [
      ...(settings.camera ? [device('videoinput', 'camera-1', 'Test camera')] : []),
      ...(settings.microphone ? [device('audioinput', 'microphone-1', 'Test microphone')] : []),
      device('audiooutput', 'default', 'Test speaker'),
    ];
  }

  for (const [name, value] of Object.entries({ getUserMedia, getDisplayMedia, enumerateDevices })) {
    Object.defineProperty(MediaDevices.prototype, name, { value, configurable: true, writable: true });
  }
  globalThis.__devices = { live: () => given.filter((track) => track.readyState === 'live').map((track) => track.kind) };
})();
