import { render } from 'preact';
import './style.css';
import { shelfOf } from './parts/shelf.js';
import { tokenInHash } from './parts/room-names.js';
import { App } from './view/app.js';

/** A token in the address would stay in the history, and be shared with the link: it is taken out before anything else. */
function takeToken(): string | null {
  const token = tokenInHash(location.hash);
  if (token === null) return null;
  const rest = new URLSearchParams(location.hash.slice(1));
  rest.delete('token');
  const hash = rest.size > 0 ? `#${rest.toString().replaceAll('%3A', ':')}` : '';
  history.replaceState(null, '', location.pathname + location.search + hash);
  return token;
}

const root = document.getElementById('app');
if (!root) throw new Error('there is no #app in this page');
render(
  <App
    needsToken={document.documentElement.dataset['auth'] === 'jwt'}
    givenToken={takeToken()}
    shelf={shelfOf(() => localStorage)}
    tokenShelf={shelfOf(() => sessionStorage)}
  />,
  root,
);
