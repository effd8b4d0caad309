import { describe, expect, it } from 'vitest';
import type { Alarms } from '../protocol/messages';
import { Trust } from './trust';

const QUIET: Alarms = { digestsDiffer: [], silent: [], withheld: [], removalStuck: [], stopped: false, serverOffersLess: null };

describe('alarms', () => {
  it('shows the loud ones first, by name, and only while they last', () => {
    const trust = new Trust(() => 'me', 'Someone');
    expect(trust.lines.value).toEqual([]);
    trust.alarm({ ...QUIET, silent: [{ id: 'a', name: 'Anna' }], digestsDiffer: [{ id: 'b', name: '\u202EBo' }, { id: 'c', name: '\u200B' }] });
    expect(trust.lines.value).toEqual([
      { kind: 'digestsDiffer', names: ['Bo', 'Someone'], self: false, stopped: false },
      { kind: 'silent', names: ['Anna'], self: false, stopped: false },
    ]);
    trust.alarm(QUIET);
    expect(trust.lines.value).toEqual([]);
  });

  it('tells oneself apart', () => {
    const trust = new Trust(() => 'me', 'Someone');
    trust.alarm({ ...QUIET, removalStuck: [{ id: 'me', name: 'Me' }] });
    expect(trust.lines.value).toEqual([{ kind: 'removalStuck', names: [], self: true, stopped: false }]);
    trust.alarm({ ...QUIET, removalStuck: [{ id: 'a', name: 'Anna' }], stopped: true });
    expect(trust.lines.value).toEqual([{ kind: 'removalStuck', names: ['Anna'], self: false, stopped: true }]);
  });

  it('says what the server takes away', () => {
    const trust = new Trust(() => null, 'Someone');
    const less = { members: { offered: 10, signed: 250 }, seats: null, calls: null };
    trust.alarm({ ...QUIET, serverOffersLess: less });
    expect(trust.offersLess.value).toEqual(less);
  });

  it('holds the number that is compared until that is over', () => {
    const trust = new Trust(() => null, 'Someone');
    trust.compare({ digits: '1 2 3 4', by: '', mine: false });
    expect(trust.comparison.value).toEqual({ digits: '1 2 3 4', by: 'Someone', mine: false });
    trust.compared();
    expect(trust.comparison.value).toBeNull();
  });
});
