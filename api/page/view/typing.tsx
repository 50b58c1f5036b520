import { useTyping } from 'parlor/react';
import { typingOf } from '../parts/words.js';

/** Who is typing. Not said aloud: it would never be quiet. */
export function Typing({ id }: { readonly id: string }) {
  const { users } = useTyping(id);
  const words = typingOf(users);
  return (
    <p class="typing" aria-live="off">
      {words.length > 0 && (
        <>
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <span>{words.map((word) => (typeof word === 'string' ? word : <bdi>{word.name}</bdi>))}</span>
        </>
      )}
    </p>
  );
}
