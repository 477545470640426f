package import Endings

/// Why a store of sessions gave no answer, and what becomes of who asked: the one place that says
/// so. Whoever is in stays in.
package enum StoreFailure: Error, Sendable, Hashable, CaseIterable {
    /// No answer came in time. One that comes after all is for nobody.
    case late
    /// The store says that it cannot answer.
    case unavailable
    /// More questions are under way than may be.
    case crowded

    /// How the request of a newcomer ends.
    package var refusal: Refusal {
        Refusal(
            .overloaded, detail: "seat", message: "It is not known whether there is a place",
            retryAfterSeconds: 1)
    }

    /// What an operator hears.
    package var problem: Refusal {
        switch self {
        case .late:
            Refusal(
                .timeout, status: 504, message: "The store of sessions did not answer in time")
        case .unavailable:
            Refusal(
                .overloaded, status: 503, message: "The store of sessions cannot answer",
                retryAfterSeconds: 1)
        case .crowded:
            Refusal(
                .overloaded, status: 503,
                message: "Too many questions to the store of sessions are under way",
                retryAfterSeconds: 1)
        }
    }

    /// For the log.
    package var words: String {
        switch self {
        case .late: "the store of sessions did not answer in time"
        case .unavailable: "the store of sessions cannot answer"
        case .crowded: "too many questions to the store of sessions are under way"
        }
    }
}
