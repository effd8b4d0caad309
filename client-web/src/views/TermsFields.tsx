// The terms of a room, to be filled in: its name, who may begin, what guests may, its last day.

import { RIGHTS } from '../state/moderation';
import { dateToDay, dayToDate, type TermsForm } from '../state/terms';
import { en } from '../text/en';
import { Check } from './Check';

const text = en.terms;

/** `latest`: the last day that the operator allows, if it is known. */
export function TermsFields({ form, latest = null }: { readonly form: TermsForm; readonly latest?: number | null }) {
  const problem = form.problem.value;
  const hosted = form.begin.value === 'host';
  return (
    <div class="terms">
      <label class="field">
        <span class="field-label">{text.title}</span>
        <input
          class="input input-large"
          data-test="room-title"
          type="text"
          dir="auto"
          autocomplete="off"
          aria-describedby="title-hint"
          aria-invalid={problem === 'title'}
          value={form.title.value}
          onInput={(event) => {
            form.title.value = event.currentTarget.value;
          }}
        />
      </label>
      <p class="hint" id="title-hint" role={problem === 'title' ? 'alert' : undefined}>
        {problem === 'title' ? text.titleLong : text.titleHint}
      </p>
      <fieldset class="choice">
        <legend class="field-label">{text.begin}</legend>
        {(['host', 'anyone'] as const).map((who) => (
          <label class="check" key={who}>
            <input
              type="radio"
              name="begin"
              data-test={`begin-${who}`}
              checked={form.begin.value === who}
              onChange={() => {
                form.begin.value = who;
              }}
            />
            <span>{text.begins[who]}</span>
          </label>
        ))}
      </fieldset>
      {hosted && (
        <fieldset class="choice">
          <legend class="field-label">{text.guests}</legend>
          <Check
            test="room-lobby"
            text={text.lobby}
            checked={form.lobby.value}
            set={(on) => {
              form.lobby.value = on;
            }}
          />
          {RIGHTS.map((right) => (
            <Check key={right} test={`room-guests-${right}`} text={text.rights[right]} checked={form.guestsMay(right)} set={(may) => form.letGuests(right, may)} />
          ))}
          <p class="hint">{text.guestsHint}</p>
        </fieldset>
      )}
      {hosted && (
        <>
          <Check
            test="room-strict"
            text={text.strict}
            hint="strict-hint"
            checked={form.strict.value}
            set={(on) => {
              form.strict.value = on;
            }}
          />
          <p class="hint" id="strict-hint">
            {text.strictHint}
          </p>
        </>
      )}
      <label class="field">
        <span class="field-label">{text.lastDay}</span>
        <input
          class="input"
          data-test="room-last-day"
          type="date"
          required
          min={dayToDate(form.today)}
          {...(latest === null ? {} : { max: dayToDate(latest) })}
          aria-describedby="days-hint"
          aria-invalid={problem === 'days'}
          value={dayToDate(form.lastDay.value)}
          onChange={(event) => {
            form.lastDay.value = dateToDay(event.currentTarget.value) ?? 0;
          }}
        />
      </label>
      <p class="hint" id="days-hint" role={problem === 'days' ? 'alert' : undefined}>
        {problem === 'days' ? text.daysOver : text.lastDayHint}
      </p>
    </div>
  );
}
