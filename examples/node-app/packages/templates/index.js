const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (character) => entities[character]);
}

/** Replaces `{{name}}` by the escaped value and `{{{name}}}` by the value as it is. */
export function render(template, values) {
  return template
    .replace(/\{\{\{(\w+)\}\}\}/g, (_, name) => String(values[name] ?? ''))
    .replace(/\{\{(\w+)\}\}/g, (_, name) => escapeHtml(values[name] ?? ''));
}
