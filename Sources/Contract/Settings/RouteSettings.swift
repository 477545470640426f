/// `rewrite FROM to TO { … }`: a legacy URL and the one that is really served.
package struct RewriteSettings: Sendable, Equatable {
    package var from: PathPattern
    /// The new path; may hold `{capture}`.
    package var to: Template
    package var require: [Requirement] = []
    /// Fields added to the request, values with placeholders.
    package var headers: [HeaderRule] = []
    /// Answer plain HTTP requests with 308 instead of rewriting.
    package var redirects = false
    package var position = SourcePosition()

    package init(from: PathPattern, to: Template) {
        self.from = from
        self.to = to
    }
}

/// `header NAME VALUE`.
package struct HeaderRule: Sendable, Hashable {
    package var name: String
    package var value: Template

    package init(name: String, value: Template) {
        self.name = name
        self.value = value
    }
}

/// A text with placeholders: `{name}`; `{{` and `}}` stand for braces.
package struct Template: Sendable, Hashable {
    package enum Part: Sendable, Hashable {
        case text(String)
        case placeholder(String)
    }

    package var parts: [Part]

    package init(parts: [Part]) { self.parts = parts }

    /// The text with every placeholder replaced by what `value` answers; nil becomes empty.
    package func expanded(_ value: (String) -> String?) -> String {
        parts.reduce(into: "") { text, part in
            switch part {
            case .text(let piece): text += piece
            case .placeholder(let name): text += value(name) ?? ""
            }
        }
    }
}

/// A path with captures, as in `/ws/journey/{user_id}`.
package struct PathPattern: Sendable, Hashable {
    package enum Segment: Sendable, Hashable {
        case literal(String)
        /// Matches one non-empty segment.
        case capture(String)
    }

    package var segments: [Segment]
    /// Written with a trailing slash: everything below matches too. Without it the path itself and
    /// what lies below it match (`/ws/admin`, `/ws/admin/`, `/ws/admin/…`); a rewrite is always
    /// exact but for a trailing slash.
    package var hasTrailingSlash: Bool

    package init(segments: [Segment], hasTrailingSlash: Bool) {
        self.segments = segments
        self.hasTrailingSlash = hasTrailingSlash
    }
}

package enum HostPattern: Sendable, Hashable {
    case any
    /// Lower case, without port.
    case exact(String)
    /// `*.example.kr` as `example.kr`: any name that ends in a dot and this.
    case suffix(String)
}

/// `route [HOST]PATH { … }`, with `defaults { … }` already applied.
package struct RouteSettings: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// Whatever comes: plain requests, WebSocket upgrades, event streams.
        case any
        /// `websocket`: upgrades only.
        case webSocket
        /// `events`: event streams; refusals speak SSE.
        case events
    }

    package enum Origins: Sendable, Equatable {
        /// The request's own host, or no Origin at all.
        case sameOrigin
        case any
        /// Serialised origins in lower case (`https://app.example.kr`, `null`, `file://`), besides
        /// the same origin.
        case listed([String])
    }

    /// `cors any|ORIGIN… { … }`: pages of other origins that may make any request, and read the
    /// answers.
    package struct CrossOrigin: Sendable, Equatable {
        package enum Pages: Sendable, Equatable {
            case any
            /// As `Origins.listed`.
            case listed([String])
        }

        package var origins: Pages
        /// Empty for those of the route, or whichever is asked for.
        package var methods: [String] = []
        /// Of requests; empty for whichever are asked for.
        package var headers: [String] = []
        /// Of answers, that a page may read besides the usual ones.
        package var exposed = CrossOrigin.usualExposed
        /// Pages may send cookies. Never with `any`.
        package var allowsCredentials = false
        /// How long a browser need not ask again.
        package var maxAge: Duration = .minutes(10)

        /// What the gateway itself says to pages.
        package static let usualExposed = ["Retry-After", "X-Session-Id"]

        package init(origins: Pages) { self.origins = origins }
    }

    package enum Destination: Sendable, Equatable {
        /// An index into `Settings.backends`.
        case backend(Int)
        case respond(status: Int, body: String)
        case redirect(status: Int, location: Template)
        /// `ticket`: a POST is answered with a one-time ticket for who brought the token; one of
        /// the jwt blocks has `tickets`.
        case ticket
    }

    /// `login TEXT`: where people sign in.
    package struct Login: Sendable, Equatable {
        /// A path, or a URL whose host is written out.
        package var location: Template
        /// Of the location.
        package var position = SourcePosition()

        package init(location: Template, position: SourcePosition = .init()) {
            self.location = location
            self.position = position
        }
    }

    /// What `report_only` may name.
    package enum Rule: String, Sendable, CaseIterable {
        case auth, roles, require, rate, sessions
    }

    /// `compress [level N] [over SIZE] [context shared|dedicated] … [upstream]`: permessage-deflate
    /// (RFC 7692) spoken with the client.
    package struct Compression: Sendable, Equatable {
        package enum Context: String, Sendable, CaseIterable {
            /// Every message stands for itself; a connection keeps no state of its own.
            case shared
            /// A connection keeps its windows from message to message, as far as `budget` allows.
            case dedicated
        }

        /// 1 to 9.
        package var level = 1
        /// Messages shorter than this many octets are sent as they are.
        package var over = 256
        package var context = Context.shared
        /// 9 to 15: the largest window of either direction, as far as the client agrees.
        package var windowBits = 15
        /// 1 to 9: zlib's memLevel.
        package var memoryLevel = 8
        /// Octets that the dedicated contexts of the whole process may hold together.
        package var budget = 64 * 1024 * 1024
        /// How many times bigger than itself a compressed message may become, above 64 KiB.
        package var ratio = 100
        /// Compression is offered to the upstream, too.
        package var offersUpstream = false

        package init(level: Int = 1, over: Int = 256) {
            self.level = level
            self.over = over
        }
    }

    /// `ping [DURATION] [relay|answer]`.
    package enum Pings: String, Sendable, CaseIterable {
        /// Pings of either end go to the other end, which answers them.
        case relay
        /// Pings are answered here; neither end sees those of the other.
        case answer
    }

    /// `slow cut [DURATION]`, `slow wait`: what a client meets that does not take a full queue.
    package enum SlowClient: Sendable, Equatable {
        /// `slow cut` without a duration.
        package static let patience: Duration = .seconds(5)

        /// Ended with `slow_consumer` when a full queue is not down to half within this time;
        /// meanwhile its upstream is not read.
        case cut(after: Duration)
        /// Its upstream waits for it as long as it gives signs of life.
        case wait
    }

    package var host: HostPattern = .any
    package var path: PathPattern
    /// Upper case; empty for all.
    package var methods: [String] = []
    package var kind: Kind = .any
    /// Who may come at all, by address.
    package var addresses = AddressRules()
    /// Every one of them must have room.
    package var rates: [RateLimit] = []
    /// Indices into `Settings.tokens`: any one of them lets in; empty for no authentication.
    package var auth: [Int] = []
    /// `auth … optional`: who brings no token passes without an identity; a token that is not
    /// believed is refused all the same.
    package var allowsAnonymous = false
    /// `login`: where who visits a page without a good token is sent; nil for a 401.
    package var login: Login?
    /// Any one of them suffices; empty for all.
    package var roles: [String] = []
    package var require: [Requirement] = []
    /// Rules of this route whose refusals are only written down; the request passes.
    package var reportOnly: Set<Rule> = []
    package var origins: Origins = .sameOrigin
    /// `subprotocols`: what the app speaks, the best first, where the gateway has to answer a
    /// handshake before it asks the app; empty for whatever a client offers first.
    package var subprotocols: [String] = []
    package var crossOrigin: CrossOrigin?
    package var compression: Compression?
    /// An index into `Settings.sessions`.
    package var sessions: Int?
    package var destination: Destination
    package var headers: [HeaderRule] = []
    /// `forwarded on`: upstreams are told in `Forwarded`, too, whom a request comes from.
    package var sendsForwarded = false
    /// `forward_token on`: tokens reach the upstream as the client sent them.
    package var forwardsTokens = false
    /// `refuse http`: refused WebSocket requests get the HTTP status.
    package var refusesWithStatus = false
    /// The largest request body; nil for no limit.
    package var bodySize: Int?
    /// `buffer_body SIZE`: a server is chosen when the request's body is there, whole or so many
    /// octets of it; nil to send it on as it comes.
    package var bodyBufferSize: Int?
    /// A WebSocket message on the wire, and inflated.
    package var messageSize = 1024 * 1024
    package var inflatedSize = 8 * 1024 * 1024
    /// One frame of a client's on the wire; nil for no limit but that of the message.
    package var frameSize: Int?
    /// Frames a client's message may be cut into.
    package var fragmentCount = 16 * 1024
    /// Control frames a second that a client may send, and as many at once.
    package var controlRate = 100
    /// Octets waiting for a client that does not read; beyond, `slow_consumer`.
    package var sendQueueSize = 1024 * 1024
    /// WebSocket: a ping this often when nothing was heard; silence this long is death.
    package var pingInterval: Duration = .seconds(25)
    package var silenceTimeout: Duration = .seconds(60)
    package var pings = Pings.relay
    package var slowClient = SlowClient.cut(after: SlowClient.patience)
    /// SSE: a comment this often.
    package var commentInterval: Duration = .seconds(15)
    package var position = SourcePosition()

    package init(path: PathPattern, destination: Destination) {
        self.path = path
        self.destination = destination
    }
}
