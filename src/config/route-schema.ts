// One route as users write it.
import { z } from 'zod';
import { DEFAULTS } from './defaults.ts';
import { choice, text } from './scalar.ts';

/** Far more than a person writes, and few enough to compare each route with each. */
export const MOST_ROUTES = 1000;

/** More than there are methods that write. */
const MOST_METHODS = 50;

/** What patterns and templates may be is a matter of the route table. */
const anyText = (wanted: string) => text(wanted, '/.*', (written) => ({ value: written }));

const routeOptions = z.strictObject({
  mode: choice(['off', 'observe', 'warn', 'enforce', 'require'])
    .prefault(DEFAULTS.route.mode)
    .describe(
      'off: forward only. observe: forward always, report what enforce would refuse. warn: the same, and tell the client. enforce: refuse when a precondition is false. require: also refuse writes without one.',
    ),
  methods: z
    .array(text('a method such as PUT', '[A-Z-]+', (written) => ({ value: written })))
    .max(MOST_METHODS)
    .prefault([...DEFAULTS.route.methods])
    .describe(
      "Methods of which mode require demands a precondition. WebDAV's If, with the token of a lock, is none.",
    ),
  resource: anyText('a target such as /orders/:id')
    .exactOptional()
    .describe(
      'Another target whose validators count and whose lock is taken: /orders/:id, /api.php?id={query.id}.',
    ),
  probe: choice(['auto', 'head', 'get'])
    .prefault(DEFAULTS.route.probe)
    .describe(
      'How the current validators are learned. auto: HEAD, and GET where HEAD tells nothing, or that nothing is there; get: for an origin whose HEAD shows another ETag than its GET.',
    ),
  weak: choice(['reject', 'accept'])
    .prefault(DEFAULTS.route.weak)
    .describe(
      'Whether weak entity-tags satisfy If-Match; the RFC says no (reject), FHIR and OData say yes (accept).',
    ),
  undecided: choice(['refuse', 'forward'])
    .prefault(DEFAULTS.route.undecided)
    .describe(
      'What happens to a conditional write when the probe cannot tell. forward lets it through unchecked.',
    ),
  case: choice(['sensitive', 'insensitive'])
    .prefault(DEFAULTS.route.case)
    .describe(
      'Whether the origin takes /A and /a for two resources; letters beyond A to Z are never folded.',
    ),
  cors: choice(['pass', 'expose'])
    .prefault(DEFAULTS.route.cors)
    .describe(
      'expose: let scripts of other sites read ETag and send conditional fields, for origins whose CORS answers forget them.',
    ),
  override: choice(['strip', 'pass'])
    .prefault(DEFAULTS.route.override)
    .describe(
      'pass: the origin gets X-HTTP-Method-Override and its like of a POST, which is guarded as strictly as the POST and as the method that they name.',
    ),
});

export const routeSchema = z.strictObject({
  path: anyText('a pattern such as /wiki/:page').describe('Pattern of the path: /wiki/:page, /public/*.'),
  ...routeOptions.shape,
});

/** The options of the route for what matches no other. */
export function defaultRouteOptions(): z.output<typeof routeOptions> {
  return routeOptions.parse({});
}
