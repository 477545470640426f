internal import Entry
internal import Generations
internal import Routing
internal import Upstreams

/// Everything an exchange needs to know to forward a request. An object, since it is handed from
/// one to the other and never copied.
final class ForwardPlan {
    /// What admission says of it.
    let order: ForwardOrder
    /// The newest of its name, once it was waited for.
    var group: BackendGroup
    /// The request, when it takes a seat only when its response turns out to be an event stream.
    let latecomer: HeldRequest?

    init(_ order: ForwardOrder, group: BackendGroup, latecomer: HeldRequest?) {
        self.order = order
        self.group = group
        self.latecomer = latecomer
    }

    var route: ServedRoute { order.route }
    var target: NormalisedTarget { order.target }
    /// What the configuration says of the request's fields.
    var fields: [ConfiguredField] { order.fields }
}
