internal import Entry
internal import Routing
internal import Upstreams

/// Everything an exchange needs to know to forward a request. An object, since it is handed from
/// one to the other and never copied.
final class ForwardPlan {
    /// The newest of its name, once it was waited for.
    var group: BackendGroup
    let route: Generation.Route
    let target: NormalisedTarget
    /// What the configuration says of the request's fields.
    let fields: [ConfiguredField]
    /// The entry of a request that takes a seat only when its response turns out to be an event
    /// stream.
    let latecomer: RequestEntry?

    init(_ order: ForwardOrder, group: BackendGroup, latecomer: RequestEntry?) {
        self.group = group
        route = order.route
        target = order.target
        fields = order.fields
        self.latecomer = latecomer
    }
}
