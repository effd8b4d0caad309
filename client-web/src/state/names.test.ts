import { describe, expect, it } from 'vitest';
import { duplicateNames, hue, initials, shownName } from './names';

describe('names', () => {
  it('shows a hostile name inert', () => {
    expect(shownName('\u202Enimda\u202C', 'x')).toBe('nimda');
    expect(shownName('A\u0000n\u200Bn\u2066a', 'x')).toBe('Anna');
    expect(shownName('two\n\nlines', 'x')).toBe('two lines');
    expect(shownName('<b>Bo</b>', 'x')).toBe('<b>Bo</b>');
  });

  it('never shows an empty name', () => {
    expect(shownName(' \u200B ', 'Someone')).toBe('Someone');
  });

  it('marks members who look the same', () => {
    const members = [
      { id: '1', name: 'Anna' },
      { id: '2', name: 'anna\u200B ' },
      { id: '3', name: 'Ａnna' },
      { id: '4', name: 'Bo' },
    ];
    expect([...duplicateNames(members)].sort()).toEqual(['1', '2', '3']);
  });

  it('takes initials from any script', () => {
    expect(initials('Anna Maria Berg')).toBe('AB');
    expect(initials('Bo')).toBe('B');
    expect(initials('张 伟')).toBe('张伟');
    expect(initials('***')).toBe('?');
  });

  it('keeps a colour inside its range', () => {
    for (const id of ['', 'a', 'ffffffffffffffffffffffffffffffff']) {
      expect(hue(id, 6)).toBeGreaterThanOrEqual(0);
      expect(hue(id, 6)).toBeLessThan(6);
    }
  });
});
