// A media worker that does not encrypt, and lies: it tells the page that every frame was sealed.
// The positive control: with it, a search of the server's side must find what the encoders made.
const counts = new Map();
self.onrtctransform = ({ transformer }) => {
  const { side, place, connection } = transformer.options;
  const key = `${connection}/${place}`;
  const pass = new TransformStream({
    transform(frame, controller) {
      if (side === 'send') {
        const count = counts.get(key) ?? { seen: 0, sealed: 0, sealedBytes: 0 };
        count.seen += 1;
        count.sealed += 1;
        count.sealedBytes += frame.data.byteLength;
        counts.set(key, count);
      }
      controller.enqueue(frame);
    },
  });
  transformer.readable.pipeThrough(pass).pipeTo(transformer.writable).catch(() => {});
};
self.onmessage = ({ data }) => {
  if (data.t !== 'counts') return;
  const mine = [...counts].filter(([key]) => key.startsWith(`${data.connection}/`));
  self.postMessage({ t: 'counts', ask: data.ask, senders: mine.map(([key, count]) => ({ place: Number(key.split('/')[1]), ...count })) });
};
