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
        /// `events`: a GET is for an event stream; refusals speak SSE.
        case events
        /// `stream`: answers that go on for long and are no event streams, whatever their type.
        case stream
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
        /// Headers that requests may have; empty for any that are asked for.
        package var headers: [String] = []
        /// Headers of answers that a page may read besides the usual ones.
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
        /// `respond ready`: 200 while new clients shall come, 503 from when the gateway was told to
        /// stop.
        case ready
        case redirect(status: Int, location: Template)
        /// `ticket`: a POST is answered with a one-time ticket for who brought the token; one of
        /// the jwt blocks has `tickets`.
        case ticket
    }

    /// `login TEXT`: where people sign in.
    package struct Login: Sendable, Equatable {
        /// A path, or a URL whose host is written out.
        package var location: Template
        /// Where the configuration writes the location.
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
        /// How many times bigger than itself a compressed message may become, above 64 KiB; nil
        /// for whatever the sizes of messages allow.
        package var ratio: Int?
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

    /// `slow cut [DURATION] [under SIZE]`, `slow wait`: what a client meets that does not take a
    /// full queue.
    package enum SlowClient: Sendable, Equatable {
        /// `slow cut` alone.
        package static let leastRate = LeastRate(
            octetsPerSecond: 4 * 1024, patience: .seconds(5))

        /// Ended with `slow_consumer` when it takes a full queue at less than this rate for this
        /// long; until the queue is down to half its upstream is not read.
        case cut(LeastRate)
        /// The upstream waits for the client as long as the client gives signs of life.
        case wait
    }

    /// `while_away hold [DURATION]|retry|error`: what a request meets while no server of the
    /// backend can be reached.
    package enum WhileAway: Sendable, Equatable {
        /// `hold` without a duration.
        package static let patience: Duration = .seconds(5)

        /// The request waits for this long; when no server comes back, it is answered as with
        /// `retry`.
        case hold(Duration)
        /// An event stream is told to come back (`retry:`) and ends, everything else is a 502.
        case retry
        /// All are a 502.
        case error
    }

    /// What holds for a WebSocket, an event stream or a download for as long as it lasts.
    package struct Lasting: Sendable, Equatable {
        /// An event stream gets a comment this often.
        package var commentInterval: Duration = .seconds(15)
        /// Nil for as long as both sides like.
        package var maxAge: MaxAge?

        package init() {}
    }

    /// `explain [all|rules|off]`: which ends of a WebSocket a message in front of the close frame
    /// explains. Who offers `gateway.v1` is told of every one.
    package enum Explanation: String, Sendable, CaseIterable {
        case all
        /// Refusals by rule about tokens, roles and devices (4001 to 4011), and ends of sessions.
        case rules
        /// None: the app's own messages are all that a client is sent.
        case off
    }

    /// `socketio { … }`: Socket.IO is spoken on the WebSockets of the route, over Engine.IO 4. The
    /// times are what clients are told of whose tokens come in their first message.
    package struct SocketIO: Sendable, Equatable {
        package var pingInterval: Duration = .seconds(25)
        package var pingTimeout: Duration = .seconds(20)

        package init() {}
    }

    package var host: HostPattern = .any
    package var path: PathPattern
    /// How its app reads paths, and what it is sent of them.
    package var paths = PathSettings()
    /// Upper case; empty for all.
    package var methods: [String] = []
    package var kind: Kind = .any
    /// Which client addresses are let in.
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
    /// Nil where the gateway knows nothing of what is spoken on WebSockets.
    package var socketIO: SocketIO?
    package var crossOrigin: CrossOrigin?
    package var compression: Compression?
    /// An index into `Settings.sessions`.
    package var sessions: Int?
    package var destination: Destination
    /// Fields of the request that goes to the upstream, and of the answer.
    package var headers: [HeaderRule] = []
    package var responseHeaders: [HeaderRule] = []
    package var transport = TransportRule.listeners
    /// `forwarded on`: upstreams are told in `Forwarded`, too, whom a request comes from.
    package var sendsForwarded = false
    /// `forward_token on`: tokens reach the upstream as the client sent them.
    package var forwardsTokens = false
    /// `refuse http`: refused WebSocket requests get the HTTP status.
    package var refusesWithStatus = false
    package var explanation = Explanation.rules
    package var whileAway = WhileAway.hold(WhileAway.patience)
    /// `finish_without_client`: a request goes on although its client has left.
    package var finishesWithoutClient = false
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
    package var slowClient = SlowClient.cut(SlowClient.leastRate)
    package var lasting = Lasting()
    package var position = SourcePosition()

    package init(path: PathPattern, destination: Destination) {
        self.path = path
        self.destination = destination
    }
}
