/** A text without the user information of URLs in it, for history, progress, messages and the cache. */
export function withoutUserInformation(text: string): string {
  return text.replace(/(\b[a-z]+:\/\/)[^/\s?#"']*@/gi, '$1');
}
