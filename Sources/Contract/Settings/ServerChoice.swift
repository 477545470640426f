/// How a server of a group is chosen.
package struct ServerChoice: Sendable, Equatable {
    /// `balance round_robin|least_connections|random|hash SOURCE`.
    package enum Balance: Sendable, Hashable {
        case roundRobin, leastConnections, random
        /// Requests of one key go to one server, as long as that holds no more than 1.25 times its
        /// share.
        case hash(Affinity)
    }

    /// What the requests have in common that go to one server.
    package enum Affinity: Sendable, Hashable {
        /// The client's address, as `trust` lets us believe it; of IPv6 the /64.
        case address
        /// The user of the verified token.
        case user
        /// The ClientId, as `device` of the route's sessions block finds it.
        case device
        case source(ValueSource)
    }

    /// `sticky cookie [NAME] [secret …] | SOURCE [DURATION]`: who came once comes to the same
    /// server again, as long as it can be reached.
    package enum Sticky: Sendable, Equatable {
        /// The client is told in a cookie of the gateway's own. Without a secret the process makes
        /// one up, and what cookies say ends with it.
        case cookie(name: String, secret: Secret?)
        /// The gateway remembers for so long after the last request.
        case key(Affinity, memory: Duration)
    }

    package static let usualCookie = "gw_server"
    package static let usualMemory: Duration = .seconds(1800)
    /// The shortest secret for cookies, in octets.
    package static let shortestSecret = 16

    package var balance = Balance.roundRobin
    package var sticky: Sticky?
    /// `slow_start`: how long it takes until a server that is back has its whole share; nil for at
    /// once.
    package var slowStart: Duration?

    package init() {}

    /// What is read of requests to choose by it.
    package var affinities: [Affinity] {
        var affinities: [Affinity] = []
        if case .hash(let affinity) = balance { affinities.append(affinity) }
        if case .key(let affinity, _) = sticky { affinities.append(affinity) }
        return affinities
    }
}

/// How much a group takes on.
package struct GroupBounds: Sendable, Equatable {
    /// `queue N [DURATION] | off`: requests that wait while every server has `max_connections`.
    package struct Queue: Sendable, Equatable {
        /// How many wait at most, of all workers together; 0 for none.
        package var length = 100
        /// How long one waits.
        package var time: Duration = .seconds(5)

        package init() {}
    }

    /// `retry_budget N% [FLOOR] | off`: further attempts, seen over the last ten seconds.
    package struct RetryBudget: Sendable, Equatable {
        /// For a hundred requests; 0 to 100.
        package var percent = 20
        /// How many are allowed however few requests there are.
        package var floor = 100

        package init() {}
    }

    /// `retry_on [broken] [timeout] [STATUS…] | off`: what another server is asked after, besides
    /// one that cannot be connected to; as long as the request may be sent twice and no octet of an
    /// answer has come.
    package struct RetryCauses: Sendable, Equatable {
        /// The connection ended before an answer.
        package var broken = true
        /// The server did not take the request, or did not answer it, in time.
        package var timeout = true
        /// Answers that are thrown away as long as there is another server; 500 to 599.
        package var statuses: Set<Int> = []

        package init() {}
    }

    /// Other servers tried after one could not be connected to, or failed as `retryCauses` says.
    package var retries = 1
    package var retryCauses = RetryCauses()
    /// Nil for no limit but `retries`.
    package var retryBudget: RetryBudget? = RetryBudget()
    /// Nil where nothing is said of it.
    package var queue: Queue?
    /// Requests at once of which no answer has begun, of all workers; nil for no limit.
    package var maxPending: Int?

    package init() {}
}
