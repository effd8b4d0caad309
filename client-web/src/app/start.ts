// Puts the parts together: address bar, workers, devices, view-models. The only place that knows all of them.

import { BrowserDevices } from '../media/devices';
import type { CoreToMain, Kept, Made, MainToCore, ParsedLink, ReadOwner } from '../protocol/messages';
import { App, type AppPort, type JoinRequest } from '../state/app';
import type { CallModel } from '../state/call';
import { Devices } from '../state/devices';
import type { RoomsPort } from '../state/organise';
import { Place } from '../state/place';
import { en } from '../text/en';
import { missingCapability } from './capabilities';
import { copyText } from './clipboard';
import { today } from './clock';
import { MediaSide } from './media-side';
import { browserPlace } from './place-store';
import { RunningCall } from './running-call';
import { saveText } from './save';
import { socketUrl } from './socket-url';
import { startCore, type CoreWorker } from './workers';

/** How long a farewell may take to leave the socket before the worker is ended under it. */
const FAREWELL_MS = 1_500;

export type ClientApp = App<MediaStreamTrack>;

class Machinery implements AppPort {
  readonly host = location.host;
  readonly missing = missingCapability();
  readonly devices = new Devices(new BrowserDevices());
  readonly place = new Place(browserPlace());
  readonly app: ClientApp = new App(this, this.devices, this.place);
  running: RunningCall | null = null;
  #core: CoreWorker | null = null;
  #media: MediaSide | null = null;
  #nextAsk = 1;
  readonly #asks = new Map<number, (link: ParsedLink) => void>();
  readonly #owners = new Map<number, (owner: ReadOwner) => void>();
  readonly #clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

  readonly rooms: RoomsPort = {
    today,
    open: (ticket, terms, moderators) => this.#ask((ask) => ({ t: 'openRoom', ask, ticket, server: this.host, socketUrl: socketUrl(), terms, moderators, today: today() }), this.#made),
    keep: (errand) => this.#ask((ask) => ({ t: 'keepRoom', ask, server: this.host, socketUrl: socketUrl(), errand }), this.#kept),
    copy: (text) => this.copy(text),
    save: saveText,
  };
  readonly #made = new Map<number, (made: Made) => void>();
  readonly #kept = new Map<number, (kept: Kept) => void>();

  #ask<T>(message: (ask: number) => MainToCore<MessagePort>, asks: Map<number, (answer: T) => void>): Promise<T> {
    const ask = this.#nextAsk++;
    return new Promise((resolve) => {
      asks.set(ask, resolve);
      this.#worker().post(message(ask));
    });
  }

  parseLink(text: string): Promise<ParsedLink> {
    const ask = this.#nextAsk++;
    return new Promise((resolve) => {
      this.#asks.set(ask, resolve);
      this.#worker().post({ t: 'parseLink', ask, text });
    });
  }

  readOwner(text: string, link: string | null): Promise<ReadOwner> {
    const ask = this.#nextAsk++;
    return new Promise((resolve) => {
      this.#owners.set(ask, resolve);
      this.#worker().post({ t: 'readOwner', ask, text, link, today: today() });
    });
  }

  prepare(): void {
    // After the page had its turn: what is seen comes first.
    setTimeout(() => {
      if (this.app.screen.peek().at !== 'join') return;
      try {
        this.#media ??= new MediaSide();
      } catch {
        // The click tries again, and says what it meets.
      }
    });
  }

  start(request: JoinRequest): CallModel {
    this.running?.end();
    const core = this.#worker();
    const media = this.#media ?? new MediaSide();
    this.#media = null;
    const call = new RunningCall(request, {
      core,
      media,
      devices: this.devices,
      place: this.place,
      words: { nameless: en.nameless },
      time: () => this.#clock.format(new Date()),
      changed: (model) => this.app.follow(model),
      fault: (fault) => this.app.fail(fault),
      over: () => {
        if (this.running === call) this.running = null;
        this.#retire(core);
      },
    });
    this.running = call;
    return call.model;
  }

  clearAddress(): void {
    history.replaceState(null, '', location.pathname);
  }

  save(name: string, text: string): void {
    saveText(name, text);
  }

  async copy(text: string): Promise<boolean> {
    return copyText(text.startsWith('#') ? `${location.origin}/${text}` : text);
  }

  /** The core worker is started early: it parses the link while the person types a name, and is then ready to join. */
  #worker(): CoreWorker {
    const core = this.#core ?? startCore((message) => this.#handle(core, message), () => this.#handle(core, { t: 'failed' }));
    this.#core = core;
    return core;
  }

  #handle(core: CoreWorker, message: CoreToMain): void {
    if (message.t === 'linkParsed') {
      this.#asks.get(message.ask)?.(message.link);
      this.#asks.delete(message.ask);
      return;
    }
    if (message.t === 'ownerRead') {
      this.#owners.get(message.ask)?.(message.owner);
      this.#owners.delete(message.ask);
      return;
    }
    if (message.t === 'roomOpened') {
      this.#made.get(message.ask)?.(message.made);
      this.#made.delete(message.ask);
      return;
    }
    if (message.t === 'roomKept') {
      this.#kept.get(message.ask)?.(message.kept);
      this.#kept.delete(message.ask);
      return;
    }
    if (core !== this.#core) return;
    if (message.t === 'failed' && (this.running === null || this.app.call.peek() === null)) {
      this.#retire(core);
      this.app.fail('coreFailed');
      return;
    }
    this.running?.handleCore(message);
  }

  /** One worker per call: ending it frees every secret it held. Its socket still carries the farewell for a moment. */
  #retire(core: CoreWorker): void {
    if (this.#core === core) this.#core = null;
    setTimeout(() => core.stop(), FAREWELL_MS);
  }
}

export interface Started {
  readonly app: ClientApp;
  /** The call that runs, for the views that bind pictures. */
  running(): RunningCall | null;
}

export function start(): Started {
  const machinery = new Machinery();
  const open = (): void => {
    // In a call a pasted link changes nothing, and should not stand there to be seen.
    const { at } = machinery.app.screen.peek();
    if (at === 'waiting' || at === 'call') machinery.clearAddress();
    else void machinery.app.open(location.hash);
  };
  // A link pasted into the address bar of an open page changes nothing but the fragment.
  addEventListener('hashchange', open);
  open();
  return { app: machinery.app, running: () => machinery.running };
}
