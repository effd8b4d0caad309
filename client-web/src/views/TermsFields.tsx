// The terms of a room, to be filled in: its name, who may begin, what guests may, its last day.

import { RIGHTS } from '../state/moderation';
import { dateToDay, dayToDate, type TermsForm } from '../state/terms';
import { en } from '../text/en';

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
          <label class="check">
            <input
              type="checkbox"
              data-test="room-lobby"
              checked={form.lobby.value}
              onChange={(event) => {
                form.lobby.value = event.currentTarget.checked;
              }}
            />
            <span>{text.lobby}</span>
          </label>
          {RIGHTS.map((right) => (
            <label class="check" key={right}>
              <input type="checkbox" data-test={`room-guests-${right}`} checked={form.guestsMay(right)} onChange={(event) => form.letGuests(right, event.currentTarget.checked)} />
              <span>{text.rights[right]}</span>
            </label>
          ))}
          <p class="hint">{text.guestsHint}</p>
        </fieldset>
      )}
      {hosted && (
        <>
          <label class="check">
            <input
              type="checkbox"
              data-test="room-strict"
              aria-describedby="strict-hint"
              checked={form.strict.value}
              onChange={(event) => {
                form.strict.value = event.currentTarget.checked;
              }}
            />
            <span>{text.strict}</span>
          </label>
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
