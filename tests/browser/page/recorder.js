// Put in front of the media worker's own script: keeps a copy of what the encoders made, before anything else sees it.
// It changes nothing: frames go on to the worker as they came. `__recorded()` gives the copies as base64 of
// (u32 length, bytes) each.
(() => {
  const LIMIT = 4 * 1024 * 1024;
  const kept = [];
  let size = 0;
  const { get } = Object.getOwnPropertyDescriptor(RTCRtpScriptTransformer.prototype, 'readable');
  const streams = new WeakMap();
  Object.defineProperty(RTCRtpScriptTransformer.prototype, 'readable', {
    configurable: true,
    get() {
      if (!streams.has(this)) {
        const stream = get.call(this);
        const copy = new TransformStream({
          transform(frame, controller) {
            if (size < LIMIT && frame.data.byteLength > 0) {
              kept.push(new Uint8Array(frame.data).slice());
              size += frame.data.byteLength;
            }
            controller.enqueue(frame);
          },
        });
        streams.set(this, this.options?.side === 'send' ? stream.pipeThrough(copy) : stream);
      }
      return streams.get(this);
    },
  });
  globalThis.__recorded = () => {
    const all = new Uint8Array(size + 4 * kept.length);
    const view = new DataView(all.buffer);
    let at = 0;
    for (const frame of kept) {
      view.setUint32(at, frame.length);
      all.set(frame, at + 4);
      at += 4 + frame.length;
    }
    let text = '';
    for (let from = 0; from < all.length; from += 32_768) text += String.fromCharCode(...all.subarray(from, from + 32_768));
    return btoa(text);
  };
})();
