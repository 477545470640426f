import Configured
import Entry
import HTTP1
import Identity
import Settings
import Upstreams

/// The configurations that a history reloads between, made once.
struct Rules: Sendable {
    let book: Rulebook
    /// The role that a route asks for, by its path: what the naive reference knows of the rules.
    let roles: [String: String]

    /// What all of them have: the routes, each for one kind of stream.
    private static func text(
        limits: String, servers: String, seats: String, access: String, away: String
    ) -> String {
        """
        listen 127.0.0.1:1
        limits {
            keep_alive 20s; first_message 4s; drain 6s; \(limits)
            body_rate 1 over 8s; response_rate 1 over 10s
        }
        backend app {
            \(servers); retries 1; fail_timeout 2s; connect_timeout 3s; response_timeout 9s
            handshake_timeout 5s; response_pause 7s; keep_alive 2; keep_alive_timeout 15s
        }
        backend lone { server 127.0.0.1:9; retries 0; fail_timeout 1s; response_timeout 9s }
        jwt app { algorithms HS256; secret env:SECRET; from bearer; expiring 3s }
        jwt talk { algorithms HS256; secret env:SECRET; from message:token }
        sessions seats { store query:store; device query:client; grace 3s; \(seats) }
        route /plain { backend app; while_away retry }
        route /post { backend app; auth app optional }
        route /kept { backend app; auth app; buffer_body 1k }
        route /goes { backend app; finish_without_client }
        route /lone { backend lone; auth app; while_away hold 20s }
        route /events {
            events; backend app; auth app; sessions seats; \(access)
            comment 4s; send_queue 4k; slow cut 5s
        }
        route /any { backend app; auth app; sessions seats }
        route /stream { stream; backend app; auth app }
        route /socket {
            websocket; backend app; auth app; sessions seats; \(access)
            ping 6s; silence 15s; send_queue 4k; slow cut 5s; explain all
        }
        route /open { websocket; backend app; ping 6s answer; silence 15s; send_queue 4k }
        route /first {
            websocket; backend app; auth talk; sessions seats; subprotocols chat
            ping 6s; silence 15s
        }
        """
    }

    private init(_ number: UInt64, _ text: String, roles: [String: String]) throws {
        let settings = try Settings.reading(text)
        book = Rulebook(
            settings, number: number, try settings.tokens.map { try Authenticator($0) })
        self.roles = roles
    }

    /// The first is the one that a history begins with.
    static func all() throws -> [Rules] {
        let two = "server 127.0.0.1:7; server 127.0.0.1:8"
        return [
            try Rules(
                1,
                text(
                    limits: "reload_ends 5s", servers: two, seats: "limit 2 eject_old",
                    access: "", away: "hold"), roles: [:]),
            try Rules(
                2,
                text(
                    limits: "reload_ends 2s", servers: "server 127.0.0.1:7",
                    seats: "limit 1 block_new", access: "roles admin", away: "hold"),
                roles: ["/events": "admin", "/socket": "admin"]),
            try Rules(
                3,
                text(
                    limits: "reload_ends off",
                    servers: two + "; balance least_connections; retry_on broken 503",
                    seats: "limit 1 eject_old; same_device share", access: "", away: "hold"),
                roles: [:]),
        ]
    }
}

/// Rules in force, with the servers as one history knows them.
final class Generation {
    let number: Int
    let rules: Rules
    let groups: [BackendGroup]

    init(_ number: Int, _ rules: Rules, _ registry: UpstreamRegistry) {
        self.number = number
        self.rules = rules
        groups = rules.book.settings.backends.map { BackendGroup($0, registry: registry) }
    }

    var limits: LimitSettings { rules.book.settings.limits }
}
