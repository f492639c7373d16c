/** The grammar of RUN --device. */
import test from 'ava';
import { parseDevice } from '../../src/parser/device.js';
import { InstructionError } from '../../src/parser/instruction-error.js';

const means = test.macro({
  exec: (t, text: string, name: string, required: boolean) =>
    t.deepEqual(parseDevice(text), { name, required }),
  title: (title = '', text) => `${title}: ${text}`,
});
const refused = test.macro({
  exec: (t, text: string, message: RegExp) => {
    const error = t.throws(() => parseDevice(text), { instanceOf: InstructionError });
    t.regex(error?.message ?? '', message);
    t.deepEqual(error?.part, { flag: 'device' });
  },
  title: (title = '', text) => `${title} refused: ${text}`,
});

test('a kind', means, 'vendor.com/class', 'vendor.com/class', false);
test('a device', means, 'vendor.com/class=gpu0', 'vendor.com/class=gpu0', false);
test('all devices of a kind', means, 'vendor.com/class=*', 'vendor.com/class=*', false);
test('an alias', means, 'gpu', 'gpu', false);
test('required', means, 'vendor.com/class=gpu0,required', 'vendor.com/class=gpu0', true);
test('required before the name', means, 'required,vendor.com/class', 'vendor.com/class', true);
test('required with a value', means, 'gpu,required=true', 'gpu', true);
test('required with a value', means, 'gpu,Required=F', 'gpu', false);
test('name=', means, 'name=vendor.com/class=gpu0,required', 'vendor.com/class=gpu0', true);
test('NAME= in any case, the name as it is', means, 'NAME=Vendor.com/Class', 'Vendor.com/Class', false);
test('the word name is a name', means, 'name', 'name', false);
test('quotes', means, '"vendor.com/class=a",required', 'vendor.com/class=a', true);

test('no name', refused, '', /needs the name of a device/);
test('no name', refused, ',required', /needs the name of a device/);
test('no name', refused, 'required', /needs the name of a device/);
test('no name', refused, 'name=', /needs the name of a device/);
test('two names', refused, 'a,b', /^invalid field "b" must be a key=value pair/);
test('two names', refused, 'vendor.com/a=x,vendor.com/b=y', /^unexpected key "vendor.com\/b"/);
test('two names', refused, 'a,name=b', /two names, "a" and "b"/);
test('an unknown option', refused, 'a,optional=true', /^unexpected key "optional" in "optional=true"/);
test('a value that is neither', refused, 'a,required=perhaps', /invalid value "perhaps" for required/);

test('a near option is named', (t) => {
  t.is(
    t.throws(() => parseDevice('a,requird'), { instanceOf: InstructionError })?.hint,
    'did you mean required?',
  );
});
