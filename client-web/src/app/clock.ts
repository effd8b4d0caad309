// The day by which mandates end.

const DAY_MS = 86_400_000;

/** Days since 1970-01-01, as the protocol counts them. A wrong clock makes a mandate end early or late; members judge by the day in the group. */
export const today = (): number => Math.floor(Date.now() / DAY_MS);
