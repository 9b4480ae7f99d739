//! Random requests to two servers, one over each protocol, beside the model: the same answers, and the same entries in the end.

use crate::api::{Api, Frames, Response, Rest};
use crate::harness::{Kvs, folder, seed};
use crate::model::{Model, Operation, Type};
use crate::requests::Requests;

const REQUESTS: u32 = 2000;

#[test]
fn random_requests_lead_to_the_same_answers_and_entries() {
    let folders = [folder(), folder()];
    let start = || folders.each_ref().map(|folder| Kvs::start(folder.path(), &["--durability", "async"]));
    let seed = seed();
    let mut requests = Requests::new(seed);
    let mut model = Model::new(false);
    let [over_rest, over_frames] = start();
    let (mut rest, mut frames) = (Rest(over_rest.connect()), Frames::connect(&over_frames));
    for number in 0..REQUESTS {
        let request = requests.any();
        let expected = Response::Reply(model.apply(&request.key, &request.ask));
        let shown = || format!("seed {seed}, request {number}: {:.300}", format!("{request:?}"));
        assert_eq!(rest.ask(&request.key, &request.ask), expected, "over REST, {}", shown());
        assert_eq!(frames.ask(&request.key, &request.ask), expected, "over frames, {}", shown());
    }
    assert!(model.len() > 10, "entries to compare");
    let mut compare = |a: &mut dyn Api, b: &mut dyn Api| {
        for key in requests.keys() {
            for ty in Type::ALL {
                let expected = Response::Reply(model.apply(&key, &Operation::Get(ty)));
                assert_eq!(a.ask(&key, &Operation::Get(ty)), expected, "seed {seed}: {ty:?} {key}");
                assert_eq!(b.ask(&key, &Operation::Get(ty)), expected, "seed {seed}: {ty:?} {key}");
            }
        }
    };
    compare(&mut rest, &mut frames);
    // Each server's entries are seen through the other protocol, too, and come back from the log.
    compare(&mut Frames::connect(&over_rest), &mut Rest(over_frames.connect()));
    over_rest.stop();
    over_frames.stop();
    let [over_rest, over_frames] = start();
    compare(&mut Frames::connect(&over_rest), &mut Rest(over_frames.connect()));
}
