// Saving a text as a file of the person's own choice: nothing is sent, the browser writes it where downloads go.

export function saveText(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text, '\n'], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has read it by then; until it is let go the text stays in memory.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
