// A box to tick, with its words beside it.

interface CheckProps {
  readonly test: string;
  readonly text: string;
  readonly checked: boolean;
  readonly set: (checked: boolean) => void;
  /** The id of what explains it, if anything does. */
  readonly hint?: string;
}

export function Check({ test, text, checked, set, hint }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" data-test={test} aria-describedby={hint} checked={checked} onChange={(event) => set(event.currentTarget.checked)} />
      <span>{text}</span>
    </label>
  );
}
