import { button, byId, setText } from './dom.js';
import { ACTION_WORDS, type Problem, type ProblemAction } from './problem.js';

/** Shows why one is not in a room, with what to do next. */
export function showProblem({ title, text, actions }: Problem, run: (action: ProblemAction) => void): void {
  const heading = byId('problem-title', HTMLHeadingElement);
  setText(heading, title);
  setText(byId('problem-text', HTMLParagraphElement), text);
  const buttons = actions.map((action, i) => {
    const made = button(ACTION_WORDS[action], () => run(action));
    if (i === 0) made.className = 'primary';
    return made;
  });
  byId('problem-actions', HTMLDivElement).replaceChildren(...buttons);
  byId('problem', HTMLElement).hidden = false;
  document.title = `${title} · tandem`;
  heading.focus();
}

export function hideProblem(): void {
  byId('problem', HTMLElement).hidden = true;
  document.title = 'tandem';
}
