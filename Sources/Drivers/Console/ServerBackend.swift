package import Clock
package import Upstreams

/// What the console asks about the process, and about the servers behind it. Called on the thread
/// of the console; whatever it says is as of now.
package protocol ServerBackend: Sendable {
    /// False from when the process was told to stop.
    var isReady: Bool { get }

    /// The servers of all backends that are configured, by the order of the configuration.
    func servers() -> [ServerView]

    /// Orders something of the servers of this name: to drain them, keeping what lives on them or
    /// ending it, or (nil) to use them again.
    ///
    /// - Returns: false when there is no such server.
    func order(_ name: ServedPlace, drain: DrainOrder?) -> Bool

    func status(_ answer: @escaping ConsoleAnswer<StatusView>)
}

/// What operators call a server: its backend, and its address as the configuration writes it.
package struct ServedPlace: Sendable, Hashable {
    package var backend: String
    package var address: String

    package init(backend: String, address: String) {
        self.backend = backend
        self.address = address
    }
}

package struct DrainOrder: Sendable, Hashable {
    /// WebSockets and event streams stay that the server has.
    package var keepsLive: Bool

    package init(keepsLive: Bool) { self.keepsLive = keepsLive }
}

package struct ServerView: Sendable {
    package var name: ServedPlace
    package var weight: Int
    package var isBackup: Bool
    package var standing: ServerStanding
    /// Exchanges that are under way with it: requests, WebSockets and streams.
    package var exchanges: Int

    package init(
        name: ServedPlace, weight: Int, isBackup: Bool, standing: ServerStanding, exchanges: Int
    ) {
        self.name = name
        self.weight = weight
        self.isBackup = isBackup
        self.standing = standing
        self.exchanges = exchanges
    }
}

/// How the process is doing.
package struct StatusView: Sendable {
    package struct Listener: Sendable {
        package var address: String
        package var isTLS: Bool
        package var certificates: [Certificate]

        package init(address: String, isTLS: Bool, certificates: [Certificate]) {
            self.address = address
            self.isTLS = isTLS
            self.certificates = certificates
        }
    }

    package struct Certificate: Sendable {
        /// Nil for the one of all other names.
        package var host: String?
        /// Nil for one that was made up at start.
        package var file: String?
        package var expires: WallTime?

        package init(host: String?, file: String?, expires: WallTime?) {
            self.host = host
            self.file = file
            self.expires = expires
        }
    }

    package struct Generation: Sendable {
        package var number: UInt64
        package var loaded: WallTime
        /// Why the newest configuration was not taken over, and when; nil when it was.
        package var refused: (reason: String, at: WallTime)?

        package init(number: UInt64, loaded: WallTime, refused: (reason: String, at: WallTime)?) {
            self.number = number
            self.loaded = loaded
            self.refused = refused
        }
    }

    /// How the process stops.
    package struct Stopping: Sendable {
        package var since: WallTime
        package var closes: WallTime
        package var ends: WallTime

        package init(since: WallTime, closes: WallTime, ends: WallTime) {
            self.since = since
            self.closes = closes
            self.ends = ends
        }
    }

    package var version: String
    package var process: Int32
    package var started: WallTime
    package var uptime: Duration
    package var workers: Int
    package var generation: Generation
    package var listeners: [Listener]
    package var servers: [ServerView]
    /// Nil while it serves.
    package var stopping: Stopping?
    /// Nil when the store of sessions says nothing.
    package var counts: SessionCounts?

    package init(
        version: String, process: Int32, started: WallTime, uptime: Duration, workers: Int,
        generation: Generation, listeners: [Listener], servers: [ServerView], stopping: Stopping?,
        counts: SessionCounts?
    ) {
        self.version = version
        self.process = process
        self.started = started
        self.uptime = uptime
        self.workers = workers
        self.generation = generation
        self.listeners = listeners
        self.servers = servers
        self.stopping = stopping
        self.counts = counts
    }
}
